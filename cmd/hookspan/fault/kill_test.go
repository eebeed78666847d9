package fault_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// Kills at random times, while webhooks come in, services publish, and endpoints of every kind
// refuse, stall and hang. At the end everything that was acknowledged has arrived.
func TestFaultKills(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), func(url string) []string {
		env := slices.Concat(fault.ImpatientEnviron("steady", url+"/steady"), fault.ImpatientEnviron("batch", url+"/batch"))
		return append(env, "HOOKSPAN_ENDPOINTS=steady,batch",
			"HOOKSPAN_ENDPOINT_BATCH_CONTENT=batch", "HOOKSPAN_ENDPOINT_BATCH_OPTIONS=batch_size=20,batch_wait=50ms")
	})
	k := &killer{world: w}
	w.oracle.Owe("steady", time.Time{})
	w.oracle.Owe("batch", time.Time{})
	first := w.ready()
	k.register("moody", "structured", "now")
	w.driver.Rate = 600
	stopDriver, stopBus := w.drive(12), w.publish(10*time.Millisecond)
	k.moods()
	k.strike(first, first.Started)
	for round := range *rounds - 1 {
		k.round(round, *rounds)
	}
	k.end(stopDriver, stopBus)
}

// A killer kills and keeps the figures.
type killer struct {
	*world
	restarts []time.Duration // from a start to the first 2xx
	early    int             // kills before one was seen
}

// register makes an endpoint through the API; it is owed what is sent from its answer on.
func (k *killer) register(name, content, start string) {
	k.Helper()
	fields := fault.Impatient(k.receiver.URL + "/" + name)
	fields["name"], fields["content"], fields["start"] = name, content, start
	since, err := k.site.Create(k.within(10*time.Second), fields)
	k.must(err)
	if start == "all" {
		since = time.Time{}
	}
	k.oracle.Owe(name, since)
}

// moods are drawn anew for each round.
func (k *killer) moods() {
	bad := []fault.Mood{{Fail: 1}, {Hang: 1}, {Fail: 0.5, Slow: 0.2}, {Slow: 0.3, Hang: 0.1}, {}}
	k.receiver.Set(map[string]fault.Mood{
		"steady": {Fail: 0.02}, "late": {Fail: 0.1, Slow: 0.02}, "all": {Fail: 0.05},
		"moody": bad[k.rng.IntN(len(bad))], "batch": bad[k.rng.IntN(len(bad))],
	})
}

// round starts the program and kills it: right away, as soon as it serves, or under load.
func (k *killer) round(round, of int) {
	k.moods()
	began := time.Now()
	c := k.start()
	serving := k.driver.FirstAfter(began)
	kind := k.rng.IntN(10)
	if kind < 3 && round != of/3 && round != of/2 { // right away
		fault.Pause(k.Context(), time.Duration(k.rng.IntN(250))*time.Millisecond)
		k.early++
		k.kill(c)
		return
	}
	k.await(c, began, serving)
	switch round {
	case of / 3:
		k.register("late", "binary", "now")
	case of / 2:
		k.register("all", "binary", "all")
	}
	if kind < 6 { // while it catches up
		fault.Pause(k.Context(), time.Duration(k.rng.IntN(100))*time.Millisecond)
	} else {
		fault.Pause(k.Context(), time.Duration(100+k.rng.IntN(1200))*time.Millisecond)
	}
	k.kill(c)
}

// strike kills a process that serves already.
func (k *killer) strike(c *fault.Child, began time.Time) {
	k.await(c, began, k.driver.FirstAfter(began))
	fault.Pause(k.Context(), 500*time.Millisecond)
	k.kill(c)
}

func (k *killer) await(c *fault.Child, began time.Time, serving <-chan time.Time) {
	k.Helper()
	select {
	case at := <-serving:
		k.restarts = append(k.restarts, at.Sub(began))
	case <-c.Done():
		k.Fatalf("the process ended by itself with exit code %d", c.ExitCode())
	case <-time.After(30 * time.Second):
		k.Fatal("no 2xx within 30 s of a start")
	}
}

func (k *killer) kill(c *fault.Child) {
	if !c.Alive() {
		k.Errorf("the process ended by itself with exit code %d", c.ExitCode())
	}
	k.oracle.Killed(time.Now())
	c.Kill()
}

// end lets everything arrive and holds the books against each other.
func (k *killer) end(stop ...func()) {
	began := time.Now()
	c := k.start()
	k.await(c, began, k.driver.FirstAfter(began))
	fault.Pause(k.Context(), 300*time.Millisecond)
	for _, f := range stop {
		f()
	}
	v := k.settle()
	if v.Unexcused > 0 {
		k.Errorf("%d deliveries were repeated without a kill", v.Unexcused)
	}
	if most := fault.Milliseconds(2 * time.Second); v.OldestRepeat > most {
		k.Errorf("a success was repeated that was %.0f ms old at the kill", float64(v.OldestRepeat)/1e6)
	}
	var pending float64
	if err := fault.Await(k.within(15*time.Second), 100*time.Millisecond, func() bool {
		var err error
		pending, err = k.site.Metric(k.Context(), "hookspan_pending")
		return err == nil && pending == 0
	}); err != nil {
		k.Errorf("all has arrived, and %v deliveries are still pending", pending)
	}
	k.figures("kills", map[string]any{
		"kills": *rounds, "before_serving": k.early, "result": v, "first_2xx": fault.SpreadOf(k.restarts), "answers": k.driver.Answers(),
	})
}
