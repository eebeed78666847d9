package dispatch

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A consenter answers handshakes as the test says.
type consenter struct {
	mu        sync.Mutex
	all       []delivery.Handshake
	perMinute int
	err       error
}

func (a *consenter) Ask(_ context.Context, h delivery.Handshake) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, h)
	return a.perMinute, a.err
}

// configured adopts an endpoint of the environment that wants a handshake.
func (r *rig) configured(url string) *lane {
	r.t.Helper()
	e := endpoint.Default()
	e.Name, e.URL, e.Signature, e.Handshake = "crm", url, "none", true
	e.Headers = []endpoint.Header{{Name: "X-Key", Value: "k"}}
	r.must(e.Rate.Parse("10/s"))
	r.must(r.reg.Adopt(r.t.Context(), []*endpoint.Endpoint{e}, endpoint.ByEnvironment))
	r.apply()
	return r.lane(r.reg.Set().ByName("crm").ID)
}

// Nothing is sent before the consent, nothing is lost meanwhile, and the rate that was allowed is
// kept to. A refused handshake is made again, ever more rarely.
func TestNothingIsSentBeforeTheConsent(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		to := &consenter{err: errors.New("not yours")}
		r.d.conf.Asker = to
		l := r.configured("https://crm")
		round := (&asking{d: r.d}).round
		a := &asking{d: r.d}
		r.publish(1, 3, "a")
		r.feed()
		for range 600 {
			a.round(t.Context())
			elapse(time.Second)
		}
		if n := len(to.all); n < 6 || n > 8 || r.posts(1) != 0 {
			t.Errorf("%d handshakes in ten minutes, %d requests", n, r.posts(1))
		}
		if h := to.all[0]; h.URL != "https://crm/" || h.Header.Get("X-Key") != "k" || h.Header[requestOrigin] == nil || h.PerMinute != 600 || h.Timeout != askTime {
			t.Errorf("asked by %+v", h)
		}
		to.err, to.perMinute = nil, 6
		round(t.Context())
		r.apply()
		r.catchUp()
		if l.limit.interval != 10*time.Second || l.ep.State != endpoint.Enabled {
			t.Errorf("%v between attempts, %s", l.limit.interval, l.ep.State)
		}
		elapse(31 * time.Second)
		if r.posts(1) != 1 || r.posts(2) != 1 || r.posts(3) != 1 {
			t.Errorf("posts: %d %d %d", r.posts(1), r.posts(2), r.posts(3))
		}
		before := len(to.all)
		round(t.Context())
		if len(to.all) != before {
			t.Error("asked again although the consent is given")
		}
		r.configured("https://crm/elsewhere")
		round(t.Context())
		if len(to.all) != before+1 || to.all[before].URL != "https://crm/elsewhere" {
			t.Errorf("%d handshakes after the URL has changed", len(to.all)-before)
		}
	})
}

// Requests to an endpoint that has consented say who sends.
func TestRequestsSayTheOrigin(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		for _, handshake := range []bool{true, false} {
			e := endpoint.Default()
			e.Signature, e.Handshake = "none", handshake
			found := false
			for _, x := range r.d.outbound(e).fixed {
				found = found || x.name == requestOrigin
			}
			if found != handshake {
				t.Errorf("handshake %t: said %t", handshake, found)
			}
		}
	})
}
