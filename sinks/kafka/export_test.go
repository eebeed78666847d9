package kafka

import (
	"context"
	"net"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Pure functions that are tested from outside.
var (
	AppendHead = appendHead
	ReadRecord = readRecord
)

// HeaderRecord is headerRecord.
const HeaderRecord = headerRecord

// DialBy returns options that reach the brokers in another way than by TCP.
func DialBy(o Options, dial func(ctx context.Context, network, address string) (net.Conn, error)) Options {
	o.dial = dial
	return o
}

// Base is how a client of these options reaches the brokers.
func (o Options) Base() ([]kgo.Opt, error) {
	a := o.access()
	return a.Options()
}

// Contested reports whether the store has heard of a try to publish a key.
func (s *Store) Contested(key string) bool { return s.publisher.Contested(key) }
