package kafka_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
)

func FuzzReadRecord(f *testing.F) {
	f.Add(kafka.AppendHead(nil, bus.Record{ID: [16]byte{1}, Prev: 7, PrevID: [16]byte{2}}), []byte("data"))
	f.Add([]byte{}, []byte(nil))
	f.Add([]byte{2}, []byte("newer"))
	f.Add(bytes.Repeat([]byte{1}, 40), []byte("short"))
	f.Fuzz(func(t *testing.T, head, data []byte) {
		r, err := kafka.ReadRecord(&kgo.Record{Offset: 9, Value: data, Headers: []kgo.RecordHeader{{Key: "other"}, {Key: kafka.HeaderRecord, Value: head}}})
		if err != nil {
			if !errors.Is(err, bus.ErrNewerFormat) || head[0] < 2 {
				t.Errorf("%x: %v", head, err)
			}
			return
		}
		if again := kafka.AppendHead(nil, r); r.Prev != bus.NoPosition && !bytes.Equal(again, head[:len(again)]) {
			t.Errorf("%x is read as %v, which is written as %x", head, r, again)
		}
	})
}

func TestARecordOfAnotherKindFollowsNothing(t *testing.T) {
	t.Parallel()
	r, err := kafka.ReadRecord(&kgo.Record{Offset: 9, Value: []byte("theirs")})
	if err != nil || r.Pos != 9 || r.Prev != bus.NoPosition || r.ID != [16]byte{} {
		t.Errorf("read as %v, %v", r, err)
	}
}
