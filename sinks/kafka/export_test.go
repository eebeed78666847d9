package kafka

import (
	"context"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Pure functions that are tested from outside.
var (
	AppendMarker = appendMarker
	ReadMarkers  = readMarkers
	AppendHead   = appendHead
	ReadRecord   = readRecord
	CheckTopic   = checkTopic
)

// HeaderRecord is headerRecord.
const HeaderRecord = headerRecord

// Finds reports whether a pattern finds a topic.
func Finds(text, topic string) (bool, error) {
	list, err := readPatterns([]string{text})
	if err != nil {
		return false, err
	}
	return list[0].name == topic || list[0].find != nil && list[0].find.MatchString(topic), nil
}

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
func (s *Store) Contested(key string) bool { return s.contests.has(key) }

// Words are what a record of words says, as a record of its own.
func Words(data []byte) []byte {
	again := []byte{wordsFormat}
	readWords(data, func(w word) { again = appendWord(again, w) })
	return again
}

// SampleWords is a record with a word of each kind.
func SampleWords() []byte {
	data := []byte{wordsFormat}
	for kind := wordClaim; kind <= wordAlive; kind++ {
		data = appendWord(data, word{kind, try{tryID: tryID{1, 2}, key: "key", topic: "orders", began: time.UnixMilli(1), partition: int32(kind)}})
	}
	return data
}
