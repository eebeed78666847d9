package cluster

import (
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// PartitionName names a partition of a topic as the bus does.
func PartitionName(topic string, n int32) bus.Partition {
	return bus.Partition(topic + "/" + strconv.Itoa(int(n)))
}

// SplitPartition is partitionName's reverse.
func SplitPartition(p bus.Partition) (topic string, n int32, ok bool) {
	i := strings.LastIndexByte(string(p), '/')
	if i < 1 {
		return "", 0, false
	}
	number, err := strconv.ParseInt(string(p[i+1:]), 10, 32)
	if err != nil || number < 0 {
		return "", 0, false
	}
	return string(p[:i]), int32(number), true
}

// Millis is a time in Kafka's clock, rounded up: what is stored at it or later is not before t.
func Millis(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	return max(ms, 0)
}
