package link

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// A library publishes through the client library: the way to servers elsewhere.
type library struct {
	nc  *nats.Conn
	sub *nats.Subscription
}

// newLibrary hands over what comes to the inbox, one at a time.
func newLibrary(nc *nats.Conn, inbox string, came arrived) (*library, error) {
	sub, err := nc.Subscribe(inbox+"*", func(m *nats.Msg) {
		if t, ok := readTicket(m.Subject[len(inbox):]); ok {
			came(t, m.Data)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to acknowledgements: %w", Unavailable(err))
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, fmt.Errorf("subscribe to acknowledgements: %w", err)
	}
	return &library{nc, sub}, nil
}

// A sheet is the memory that the client library's form of a message takes: it wants headers as a
// map of lists, which costs more than all the rest where it is built anew each time.
type sheet struct {
	msg    nats.Msg
	header nats.Header
	values []string // what header's lists point into
}

var sheets = sync.Pool{New: func() any { return &sheet{header: make(nats.Header, 16)} }}

// publish waits no longer than the library does for a server that does not read.
func (l *library) publish(_ context.Context, m *Message, reply string) error {
	s := sheets.Get().(*sheet)
	defer sheets.Put(s)
	s.msg = nats.Msg{Subject: m.Subject, Reply: reply, Data: m.Data}
	if len(m.Header) > 0 {
		clear(s.header)
		s.values = m.fill(s.header, s.values[:0])
		s.msg.Header = s.header
	}
	err := l.nc.PublishMsg(&s.msg)
	s.msg = nats.Msg{}
	return Unavailable(err)
}

func (l *library) close() error {
	if !l.sub.IsValid() {
		return nil // closed before, or its connection is
	}
	if err := l.sub.Unsubscribe(); err != nil && !l.nc.IsClosed() {
		return fmt.Errorf("end the subscription to acknowledgements: %w", err)
	}
	return nil
}
