package publish_test

import (
	"bytes"
	"testing"

	"github.com/hookspan/hookspan/sinks/kafka/publish"
)

// Whatever is on the topic, what is read of it says the same when it is written again.
func FuzzWords(f *testing.F) {
	all := publish.SampleWords()
	f.Add(all)
	f.Add(all[:len(all)-3])
	f.Add([]byte{3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add([]byte{2, 4, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		once := publish.Words(data)
		if twice := publish.Words(once); !bytes.Equal(once, twice) {
			t.Errorf("%x is read as %x and that as %x", data, once, twice)
		}
	})
	if got := publish.Words(all); !bytes.Equal(got, all) {
		f.Errorf("%x came back as %x", all, got)
	}
}
