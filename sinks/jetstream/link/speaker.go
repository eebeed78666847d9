package link

import "context"

// A Speaker sends to a server in this process what the client library cannot: messages with a
// status, which stands in the first line of the header. Nobody acknowledges them. Its methods may
// be called from any goroutine.
type Speaker struct{ wire *wire }

// NewSpeaker connects; the inbox, with the last dot, is nobody else's. It comes back by itself when
// the server goes away, and what is said meanwhile fails.
func NewSpeaker(p Process, inbox string) (*Speaker, error) {
	w, err := newWire(p, inbox, func(ticket, []byte) {}, func() {})
	if err != nil {
		return nil, err
	}
	return &Speaker{wire: w}, nil
}

// Say sends a message, and waits while too much is on its way.
func (s *Speaker) Say(ctx context.Context, m *Message) error { return s.wire.publish(ctx, m, "") }

// Close may be called twice.
func (s *Speaker) Close() error { return s.wire.close() }
