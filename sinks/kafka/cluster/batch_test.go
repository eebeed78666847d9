package cluster_test

import (
	"encoding/binary"
	"testing"

	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// recordBatch is the head of a batch, with a body of n bytes.
func recordBatch(first int64, delta, epoch int32, n int) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(first))
	b = binary.BigEndian.AppendUint32(b, uint32(15+n))
	b = binary.BigEndian.AppendUint32(b, uint32(epoch))
	b = append(b, 2, 0, 0, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(delta))
	return append(b, make([]byte, n)...)
}

func FuzzBatches(f *testing.F) {
	two := append(recordBatch(10, 4, 3, 40), recordBatch(15, 0, 5, 20)...)
	f.Add(two)
	f.Add(two[:len(two)-1])
	f.Add(recordBatch(1<<62, 1<<30, -1, 0))
	f.Add(recordBatch(-5, -7, 0, 0))
	f.Fuzz(func(t *testing.T, raw []byte) {
		total := 0
		cluster.Batches(raw, func(first, last, mark int64) {
			if total++; last < first {
				t.Errorf("%x: a batch from %d to %d", raw, first, last)
			}
		})
		if total > len(raw)/27 {
			t.Errorf("%x: %d batches", raw, total)
		}
	})
}

func TestBatches(t *testing.T) {
	t.Parallel()
	raw := append(recordBatch(10, 4, 3, 40), recordBatch(15, 0, -1, 20)...)
	raw = append(raw, recordBatch(16, 2, 5, 20)[:50]...) // cut off
	var got [][3]int64
	cluster.Batches(raw[:len(raw)-4], func(first, last, mark int64) { got = append(got, [3]int64{first, last, mark}) })
	if len(got) != 2 || got[0] != [3]int64{10, 14, 4} || got[1] != [3]int64{15, 15, 0} {
		t.Errorf("read as %v", got)
	}
}
