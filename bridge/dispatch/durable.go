package dispatch

// A durability says what the shard's state log has of a delivery. The diagram is in
// PROTOCOL.md, clause D7.
type durability uint8

const (
	unwritten durability = iota // no entry, and none is asked for
	wanted                      // the next delta puts an entry
	sent                        // its entry is in the delta on its way
	outdated                    // so it is, and it has changed since: the next delta puts it again
	written                     // its entry is in the log
	changed                     // so it is, and it has changed since: the next delta puts it again
)

// due: the next delta puts an entry.
func (s durability) due() bool { return s == wanted || s == outdated || s == changed }

// covered: a successor finds an entry, if the delta on its way gets into the log.
func (s durability) covered() bool { return s >= sent }

// want asks the next delta for an entry.
func (s durability) want() durability {
	switch s {
	case unwritten:
		return wanted
	case sent:
		return outdated
	case written:
		return changed
	}
	return s
}

// waive takes the asking back: the delivery has ended.
func (s durability) waive() durability {
	switch s {
	case wanted:
		return unwritten
	case outdated:
		return sent
	case changed:
		return written
	}
	return s
}

// land is what follows when the delta on its way is in the log.
func (s durability) land() durability {
	switch s {
	case sent:
		return written
	case outdated:
		return changed
	}
	return s
}
