package dispatch

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// byType has events ordered by their type.
func byType(e *endpoint.Endpoint) { e.Ordered, e.OrderKey = true, "type" }

// sent fails unless events 1, 2 … were sent so often.
func (r *rig) sent(want ...int) {
	r.t.Helper()
	got := make([]int, len(want))
	for i := range want {
		got[i] = r.posts(i + 1)
	}
	if !slices.Equal(got, want) {
		r.t.Fatalf("events 1 to %d were sent %v times, want %v", len(want), got, want)
	}
}

// delivered lists the events of a type in the order of their success.
func (r *rig) delivered(typ string) (ids []string) {
	r.t.Helper()
	for _, data := range r.store.Journal(0) {
		r.must(delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
			if a.Outcome == delivery.Delivered && a.Event.Type == typ && !slices.Contains(ids, a.Event.ID) {
				ids = append(ids, a.Event.ID)
			}
			return nil
		}))
	}
	return ids
}

func TestAnEventWaitsForTheOneBeforeItOfItsKey(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", byType)
		r.out.holds(true)
		r.publish(1, 2, "a")
		r.publish(3, 3, "b")
		r.feed()
		r.sent(1, 0, 1)
		if st := r.standing(2); st.Waits != delivery.WaitsOrder {
			t.Errorf("the second of its key: %+v", st)
		}
		failed := time.Now()
		r.answer(500, 1)
		r.answer(200, 3)
		r.publish(4, 4, "a")
		r.publish(5, 5, "b")
		r.feed()
		r.sent(1, 0, 1, 0, 1)
		for _, n := range []int{2, 4} {
			if st := r.standing(n); st.Waits != delivery.WaitsOrder || !st.Until.Equal(failed.Add(time.Minute)) {
				t.Errorf("event %d behind one that failed: %+v, want it to wait until %v", n, st, failed.Add(time.Minute))
			}
		}
		if n := r.d.Stats().Pending[string(delivery.WaitsOrder)]; n != 2 {
			t.Errorf("%d are counted that wait for order, want 2", n)
		}
		elapse(time.Minute)
		r.sent(2, 0, 1, 0, 1)
		r.answer(200, 1, 5)
		r.sent(2, 1, 1, 0, 1)
		r.answer(200, 2)
		r.sent(2, 1, 1, 1, 1)
		r.answer(200, 4)
		r.settle()
		r.forgot()
	})
}

// Whenever an owner dies, the next one keeps the order.
func TestASuccessorKeepsTheOrder(t *testing.T) {
	for name, until := range map[string]func(r *rig){
		"while the first runs": func(*rig) {},
		"the first has failed": func(r *rig) { r.answer(500, 1) },
		"entries are in the log": func(r *rig) {
			r.answer(500, 1)
			r.step()
		},
		"the first runs long": func(r *rig) {
			r.step()
			elapse(second)
			r.step()
		},
		"the first is done": func(r *rig) { r.answer(200, 1) },
		"it is known that the first is done": func(r *rig) {
			r.answer(200, 1)
			r.step()
		},
		"paused while the first runs": func(r *rig) {
			id := r.only().ep.ID
			r.state(id, endpoint.Paused)
			r.catchUp()
			r.step()
			if n := len(r.logged().Entries); n != 3 {
				r.t.Errorf("%d entries, want those of the key", n)
			}
			r.state(id, endpoint.Enabled)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.register("crm", byType)
				r.out.holds(true)
				r.publish(1, 3, "a")
				r.publish(4, 4, "b")
				r.feed()
				until(r)
				r.takeover()
				for range 20 {
					r.feed()
					r.catchUp()
					elapse(time.Minute)
					r.step()
				}
				if got := r.delivered("a"); !slices.Equal(got, []string{"evt-1", "evt-2", "evt-3"}) {
					t.Errorf("delivered in the order %v", got)
				}
				r.settle()
				r.forgot()
			})
		})
	}
}

// only is the rig's one lane.
func (r *rig) only() *lane {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, l := range r.s.lanes {
		return l
	}
	return nil
}

// More events of one key than a lane holds: its reader brings them, in their order.
func TestOrderBehind(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.register("crm", byType)
		r.out.holds(true)
		r.publish(1, 12, "a")
		r.feed()
		if !r.only().feedOf(part).behind {
			t.Fatal("the endpoint is live")
		}
		for n := 1; n <= 12; n++ {
			r.catchUp()
			for later := n + 1; later <= 12; later++ {
				if r.posts(later) != 0 {
					t.Fatalf("event %d was sent before %d had ended", later, n)
				}
			}
			if n%5 == 1 {
				r.answer(500, n)
				r.catchUp()
				r.step()
				elapse(time.Minute)
			}
			r.answer(200, n)
		}
		r.settle()
		r.forgot()
	})
}

// What a reader had brought when the endpoint joined the live feed is brought again to a successor, and
// what is live waits for it, however much of others lies between.
func TestASuccessorReadsRangesBeforeWhatIsLive(t *testing.T) {
	for name, others := range map[string]int{"close": 0, "far apart": 10} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.register("crm", func(e *endpoint.Endpoint) {
					byType(e)
					e.Events = []string{"a"}
				})
				r.out.holds(true)
				var ours []int
				var want []string
				next := 1
				publish := func(n int) {
					for range n {
						ours, want = append(ours, next), append(want, dispatchtest.Event(next, "").ID)
						r.publish(next, next, "a")
						r.publish(next+1, next+others, "x")
						next += 1 + others
					}
					r.feed()
				}
				publish(6)
				for _, n := range ours[:3] {
					r.answer(200, n)
					r.catchUp()
				}
				r.step()
				if pl := r.only().feedOf(part); pl.behind || len(pl.ranges) == 0 {
					t.Fatalf("behind %v with %d ranges, want it live beside what it was brought", pl.behind, len(pl.ranges))
				}
				publish(2)
				r.takeover()
				r.feed()
				for range 5 {
					elapse(second)
					r.catchUp()
				}
				if got := r.delivered("a"); !slices.Equal(got, want) {
					t.Errorf("delivered in the order %v, want %v", got, want)
				}
				r.settle()
				r.forgot()
			})
		})
	}
}

// Events of a key may travel in one batch, in their order; what comes later waits for all of it.
func TestOrderInBatches(t *testing.T) {
	for name, takeover := range map[string]bool{"here": false, "by a successor": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.register("crm", func(e *endpoint.Endpoint) {
					byType(e)
					e.Content, e.Options = "batch", map[string]string{"batch_size": "3", "batch_wait": "1s"}
				})
				r.publish(1, 2, "a")
				r.publish(3, 3, "b")
				r.publish(4, 5, "a")
				batches := r.batches()
				r.out.holds(true)
				r.feed()
				elapse(2 * second)
				if want := [][]string{{"evt-1", "evt-2", "evt-3"}}; !slices.EqualFunc(*batches, want, slices.Equal) {
					t.Fatalf("batches %v, want %v", *batches, want)
				}
				r.out.mu.Lock()
				for _, open := range r.out.open[""] {
					open <- 500
				}
				r.out.mu.Unlock()
				elapse(settling)
				if takeover {
					r.step()
					r.takeover()
					batches = r.batches()
					r.feed()
				} else {
					*batches = nil
					r.out.holds(false)
				}
				elapse(3 * time.Minute)
				if want := [][]string{{"evt-1", "evt-2", "evt-3"}, {"evt-4"}, {"evt-5"}}; !slices.EqualFunc(*batches, want, slices.Equal) {
					t.Errorf("then batches %v, want %v", *batches, want)
				}
				r.settle()
				r.forgot()
			})
		})
	}
}

// batches are the members of what is sent from now on.
func (r *rig) batches() *[][]string {
	all := &[][]string{}
	r.out.mu.Lock()
	defer r.out.mu.Unlock()
	r.out.seen = func(req delivery.Request) {
		var members []struct{ ID string }
		r.must(json.Unmarshal(req.Body, &members))
		var ids []string
		for _, m := range members {
			ids = append(ids, m.ID)
		}
		*all = append(*all, ids)
	}
	return all
}

func TestOrderIsSkippedAfterSomeAttempts(t *testing.T) {
	for name, takeover := range map[string]bool{"here": false, "by a successor": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.register("crm", func(e *endpoint.Endpoint) {
					byType(e)
					e.OrderSkip = 2
				})
				r.out.holds(true)
				r.publish(1, 3, "a")
				r.feed()
				r.answer(500, 1)
				elapse(time.Minute)
				r.sent(2, 0, 0)
				r.answer(500, 1)
				r.sent(2, 1, 0)
				if takeover {
					r.step()
					r.takeover()
					r.feed()
					r.sent(0, 1, 1)
					return
				}
				r.answer(200, 2)
				r.sent(2, 1, 1)
				r.answer(200, 3)
				elapse(time.Minute)
				r.answer(200, 1)
				r.settle()
				r.forgot()
			})
		})
	}
}

// The key goes on when one of it is cancelled, expires, or is not ordered any more.
func TestAKeyGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r *rig)
		want   []int
	}{
		"the first is cancelled": {func(r *rig) { r.command(delivery.Cancel, r.pendingEntry(1)) }, []int{1, 1, 0}},
		"the second is cancelled": {func(r *rig) {
			r.command(delivery.Cancel, r.pendingEntry(2))
			r.settle()
			elapse(time.Minute)
			r.answer(200, 1)
		}, []int{2, 0, 1}},
		"the endpoint is not ordered": {func(r *rig) {
			r.edit(r.only().ep.ID, func(e *endpoint.Endpoint) { e.Ordered = false })
			r.apply()
		}, []int{1, 1, 1}},
		"another number of attempts": {func(r *rig) {
			r.edit(r.only().ep.ID, func(e *endpoint.Endpoint) { e.OrderSkip = 1 })
			r.apply()
		}, []int{1, 1, 0}},
		"the first is too old": {func(r *rig) {
			r.edit(r.only().ep.ID, func(e *endpoint.Endpoint) { e.MaxAge = 30 * second })
			r.apply()
			elapse(20 * second)
			r.publish(4, 4, "a")
			r.feed()
			elapse(20 * second) // 1 to 3 have expired
			if r.posts(4) != 1 {
				r.t.Errorf("event 4 was sent %d times", r.posts(4))
			}
		}, []int{1, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				r.register("crm", byType)
				r.out.holds(true)
				r.publish(1, 3, "a")
				r.feed()
				r.answer(500, 1)
				c.change(r)
				r.settle()
				r.sent(c.want...)
			})
		})
	}
}

// An endpoint that becomes ordered orders what waits in memory.
func TestAnEndpointBecomesOrdered(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		l := r.register("crm", func(e *endpoint.Endpoint) { e.Concurrency = 1 })
		r.out.holds(true)
		r.publish(1, 1, "b")
		r.publish(2, 3, "a")
		r.feed()
		r.edit(l.ep.ID, func(e *endpoint.Endpoint) {
			byType(e)
			e.Concurrency = 8
		})
		r.apply()
		elapse(settling)
		r.sent(1, 1, 0)
		r.answer(200, 2)
		r.sent(1, 1, 1)
		r.answer(200, 1, 3)
		r.settle()
		r.forgot()
	})
}
