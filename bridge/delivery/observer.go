package delivery

// An Observer hears of deliveries; it must not block.
type Observer interface {
	// Attempted is called with every attempt once its record is durable.
	Attempted(Attempt)
	// Waiting is called with a pending delivery that a takeover found.
	Waiting(Entry)
}
