package delivery

// A Command asks the owner of a delivery to do something with it. It is a record of the
// commands' log: durable before it is answered, and acted on once.
type Command struct {
	Version int         `json:"v"`
	Kind    CommandKind `json:"k"`
	// Entry names the delivery. Number is that of its next attempt, so that one which has
	// ended can be taken up again.
	Entry    Entry `json:"e"`
	Revision int64 `json:"rev"` // of the registry, as the author saw it
}

// CommandKind is a closed set.
type CommandKind string

const RetryNow CommandKind = "retry"
