package dispatch

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// An endpoint that is taken out of the configuration while it answers 410 cannot be disabled; it
// goes on when it is put back.
func TestRemovedEndpointGoesOnWhenItReturns(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		e := endpoint.Default()
		e.Name, e.URL, e.Signature = "crm", "https://crm", "none"
		adopt := func(all ...*endpoint.Endpoint) {
			t.Helper()
			r.must(r.reg.Adopt(t.Context(), all, endpoint.ByEnvironment))
			r.apply()
		}
		adopt(e)
		r.out.holds(true)
		r.publish(1, 1, "a")
		r.feed()
		r.must(r.reg.Adopt(t.Context(), nil, endpoint.ByEnvironment)) // the lane hears of it later
		r.answer(410, 1)
		r.apply()
		elapse(5 * second)
		adopt(e)
		r.publish(2, 2, "a")
		r.feed()
		r.catchUp()
		if n := r.posts(2); n != 1 {
			t.Errorf("%d attempts after it returned, want 1", n)
		}
		r.answer(200, 2)
	})
}

// What ran beside the attempt that was answered 410 is answered so too: that disables nothing
// again.
func TestGoneDisablesOnce(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.store.AddPartition("ops", "first")
		r.register("crm", nil)
		r.out.holds(true)
		r.publish(1, 2, "a")
		r.feed()
		r.answer(410, 1)
		r.apply()
		r.answer(410, 2)
		if n := len(r.store.Kept("ops")); n != 1 {
			t.Errorf("%d operations events of one endpoint that is gone, want 1", n)
		}
	})
}
