package dispatch

import "github.com/hookspan/hookspan/bridge/statelog"

// limits are the sizes at which an owner changes its ways.
type limits struct {
	laneEvents  int // that wait in a lane for their first attempt
	laneBytes   int // of them; less when there are many lanes
	memory      int // bytes of what waits in all lanes
	laneEntries int // pending deliveries of one endpoint with an entry
	entries     int // of all endpoints together; beyond it each has its share and no more
	leastShare  int // of them, however many endpoints there are

	unrecorded int64 // attempts without an acknowledged record, of the process
	reach      int64 // sequences within which what lags shares a reader
	countBack  int64 // events of all partitions that are counted of what was stored before counting began

	stateLog statelog.Sizes
	breaker  breakerRule
}

func defaultLimits() limits {
	return limits{
		laneEvents: 1000, laneBytes: 16 << 20, memory: 64 << 20, laneEntries: 10_000,
		entries: 100_000, leastShare: 100,
		unrecorded: 10_000, reach: 20_000, countBack: 10_000,
		breaker: defaultBreakerRule(),
	}
}
