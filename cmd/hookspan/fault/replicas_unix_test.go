//go:build fleets && unix

package fault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// Three replicas on one bus while replicas and servers are killed, stopped and frozen: nothing
// that was acknowledged is lost, a rate and a concurrency stay exact, and what died is taken
// over in time. These tests run alone, for their figures.

func TestFaultReplicasNATS(t *testing.T) { replicasUnderFire(t, onNATS()) }

func TestFaultReplicasKafka(t *testing.T) { replicasUnderFire(t, onKafka()) }

func TestFaultReplicasEmbeddedCluster(t *testing.T) { replicasUnderFire(t, ofThemAll()) }

const (
	webhooks    = 160 // a second: half of it is more than the limited endpoint takes
	ratePerS    = 50
	concurrency = 4
	// election is how long a bus may take to agree on leaders after a kill.
	election = 15 * time.Second
)

// Half of the events each, and their CloudEvents sources.
const (
	limitedTypes, shop, bills = "com.sticker.*,webhook.bills.*", "/sources/shop", "/sources/bills"
	boundedTypes, code, pay   = "com.github.*,com.corefy.*", "https://code.example/octo/example", "/sources/pay"
)

// plain endpoints take everything.
func plain() []string { return []string{"north", "east", "south", "west", "up", "down", "moody"} }

func underFire(t *testing.T, on kind) *storm {
	t.Helper()
	s := &storm{fleet: newFleet(t, on, size{servers: 3, replicas: 3}, func(receiver string) []string {
		names := append(plain(), "limited", "bounded")
		env := []string{
			"HOOKSPAN_ENDPOINTS=" + strings.Join(names, ","),
			"HOOKSPAN_ENDPOINT_LIMITED_RATE=50/s", "HOOKSPAN_ENDPOINT_LIMITED_EVENTS=" + limitedTypes,
			"HOOKSPAN_ENDPOINT_BOUNDED_CONCURRENCY=4", "HOOKSPAN_ENDPOINT_BOUNDED_EVENTS=" + boundedTypes,
		}
		for _, name := range names {
			env = append(env, fault.ImpatientEnviron(name, receiver+"/"+name)...)
		}
		return env
	})}
	for _, name := range plain() {
		s.oracle.Owe(name, time.Time{})
	}
	s.oracle.Owe("limited", time.Time{}, shop, bills)
	s.oracle.Owe("bounded", time.Time{}, code, pay)
	s.receiver.Set(map[string]fault.Mood{"moody": {Fail: 0.1, Slow: 0.01}, "bounded": {Slow: 1, While: 60 * time.Millisecond}})
	return s
}

func replicasUnderFire(t *testing.T, on kind) { underFire(t, on).play() }

func (s *storm) play() {
	s.serve()
	s.register("made", "binary", "all")
	s.driver.Rate = webhooks
	defer s.beat()()
	stop := s.drive(600) // a frozen replica holds many
	s.must(fault.Await(s.within(time.Minute), 20*time.Millisecond, func() bool { return len(s.endpoints()) == len(plain())+3 }))
	s.calm("the start")

	began := time.Now()
	s.rage(began.Add(*lasts*2/3), s.kinds()...)
	exact := time.Now()
	s.exact(began, exact)
	s.rage(began.Add(*lasts), "freeze a replica")
	ended := time.Now()
	stop()
	intake, delivery := s.driver.Taken.Gap(began, ended), s.all.Gap(began, ended)
	v := s.settle()
	s.judge(v)
	s.idle()
	s.figures("replicas", map[string]any{
		"bus": s.on.name, "lease_ms": fault.Milliseconds(s.lease), "under_fire_s": ended.Sub(began).Seconds(), "result": v,
		"blows": s.aftermaths(), "intake_gap_ms": fault.Milliseconds(intake), "delivery_gap_ms": fault.Milliseconds(delivery),
		"worst_endpoint_gap_ms": fault.Milliseconds(s.worstGap(began, ended)),
		"busy_ms":               fault.Milliseconds(s.busy(began, ended)),
		"limited":               s.limits(began, exact), "limited_with_zombies": s.limits(exact, ended), "answers": s.driver.Answers(),
	})
}

// limits are how the endpoints with a rate and with a concurrency fared.
func (s *storm) limits(from, to time.Time) map[string]any {
	return map[string]any{
		"rate": s.receiver.Meter("limited").Rate(from, to), "worst": s.worst(from, to), "peak": s.peak(from, to),
	}
}

func (s *storm) worst(from, to time.Time) fault.Stretch {
	return s.receiver.Meter("limited").Worst(ratePerS, from, to)
}

func (s *storm) peak(from, to time.Time) int { return s.receiver.Meter("bounded").Peak(from, to) }

// exact holds rate and concurrency of a time without zombies against what is allowed.
func (s *storm) exact(from, to time.Time) {
	s.Helper()
	worst, most := s.worst(from, to), 1+ratePerS*s.busy(from, to).Seconds()
	if worst.Excess > most {
		s.Errorf("an endpoint that takes %d/s got %d requests in %v from %s on, %.1f more than that, and a busy machine explains at most %.1f",
			ratePerS, worst.Requests, worst.To.Sub(worst.From), worst.From.Format("15:04:05.000"), worst.Excess, most)
	}
	if s.peak(from, to) > concurrency {
		s.Errorf("an endpoint that takes %d requests at once got %d", concurrency, s.peak(from, to))
	}
}

// judge holds the gaps and the repeats against the promise.
func (s *storm) judge(v fault.Verdict) {
	s.Helper()
	if v.Unexcused > 0 {
		s.Errorf("%d deliveries were repeated without a kill:\n%s", v.Unexcused, strings.Join(v.Repeats, "\n"))
	}
	if v.Twice > v.Accepted/100 {
		s.Errorf("%d of %d acknowledged events are on the bus twice, want at most one of a hundred", v.Twice, v.Accepted)
	}
	// Whatever was struck, leaders of the bus and leases may have to be found anew, also after a stop
	// while a server catches up. How long it takes mostly is in the figures.
	for _, b := range s.blows {
		most := election + s.lease + s.busy(b.from, b.to)
		if gap := s.worstGap(b.from, b.to); gap > most {
			s.Errorf("%s at %s: an endpoint got nothing for %v, want at most %v", b.what, b.from.Format("15:04:05.000"), gap, most)
		}
		if gap := s.driver.Taken.Gap(b.from, b.to); gap > most {
			s.Errorf("%s at %s: no webhook was taken for %v, want at most %v", b.what, b.from.Format("15:04:05.000"), gap, most)
		}
	}
}

// idle waits until no replica has anything left to do.
func (s *storm) idle() {
	s.Helper()
	var pending float64
	err := fault.Await(s.within(15*time.Second), 100*time.Millisecond, func() bool {
		pending = 0
		for _, r := range s.replicas {
			n, err := r.site.Metric(s.Context(), "hookspan_pending")
			if err != nil {
				return false
			}
			pending += n
		}
		return pending == 0
	})
	if err != nil {
		s.Errorf("all has arrived, and %v deliveries are still pending", pending)
	}
}
