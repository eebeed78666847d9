package link

// Pure functions that are tested from outside.
var Led = led

// ReadMeta is readMeta, its fields laid open.
func ReadMeta(reply string) (seq, nth uint64, time int64, pending uint64, ok bool) {
	m, ok := readMeta(reply)
	return m.Seq, m.nth, m.Time, m.pending, ok
}

// PlainAck is plainAck.
func PlainAck(data []byte) (string, uint64, bool) {
	stream, seq, ok := plainAck(data)
	return string(stream), seq, ok
}

// ReadTicket is readTicket, its fields laid open.
func ReadTicket(token string) (slot int, turn uint64, ok bool) {
	t, ok := readTicket(token)
	return t.slot, t.turn, ok
}
