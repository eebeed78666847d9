package kafka_test

import (
	"bytes"
	"testing"

	"github.com/hookspan/hookspan/sinks/kafka"
)

// Whatever is on the topic, what is read of it says the same when it is written again.
func FuzzWords(f *testing.F) {
	all := kafka.SampleWords()
	f.Add(all)
	f.Add(all[:len(all)-3])
	f.Add([]byte{3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add([]byte{2, 4, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		once := kafka.Words(data)
		if twice := kafka.Words(once); !bytes.Equal(once, twice) {
			t.Errorf("%x is read as %x and that as %x", data, once, twice)
		}
	})
	if got := kafka.Words(all); !bytes.Equal(got, all) {
		f.Errorf("%x came back as %x", all, got)
	}
}
