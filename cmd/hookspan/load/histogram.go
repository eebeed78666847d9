package load

import (
	"math/bits"
	"time"
)

// A Histogram counts durations in buckets that are at most 1/32 wide. The zero value is empty.
// It is not safe for several goroutines; each keeps its own and they are merged.
type Histogram struct {
	count   int64
	buckets [bucketCount]int64
}

const (
	subBits     = 5
	sub         = 1 << subBits
	bucketCount = (64 - subBits + 1) * sub
)

// Record counts one duration; a negative one counts as 0.
func (h *Histogram) Record(d time.Duration) {
	h.count++
	h.buckets[bucketOf(uint64(max(d, 0)))]++
}

// Merge adds what another one counted.
func (h *Histogram) Merge(o *Histogram) {
	h.count += o.count
	for i := range o.buckets {
		h.buckets[i] += o.buckets[i]
	}
}

// Count is how many durations were recorded.
func (h *Histogram) Count() int64 { return h.count }

// Quantile is the duration that the share q of all does not exceed; 0 when there is none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	rank := int64(q*float64(h.count-1)) + 1
	for i, n := range h.buckets {
		if rank -= n; rank <= 0 {
			return time.Duration(upperBound(i))
		}
	}
	return time.Duration(upperBound(bucketCount - 1))
}

// bucketOf keeps the first bit and the subBits behind it.
func bucketOf(v uint64) int {
	if v < sub {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	return (shift+1)*sub + int(v>>shift) - sub
}

// upperBound is the largest value of a bucket.
func upperBound(bucket int) uint64 {
	if bucket < sub {
		return uint64(bucket)
	}
	shift := bucket/sub - 1
	return (uint64(bucket%sub)+sub+1)<<shift - 1
}
