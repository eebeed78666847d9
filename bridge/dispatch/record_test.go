package dispatch_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// The journal has what explains an attempt: all of a failure, and of successes as much as there is
// room for.
func TestARecordExplainsItsAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		headers := delivery.Headers("Server: crm\nSet-Cookie: canary\nX-Pad: " + strings.Repeat("p", 1000) + "\n")
		w.answer = func(_, event string, attempt int) delivery.Response {
			res := delivery.Response{
				Sent: true, Status: 200, Headers: headers, Body: strings.Repeat("b", 5000), Address: "203.0.113.7:443",
				Phases: delivery.Phases{FirstByte: 9000},
			}
			if event == id(1) && attempt == 1 {
				res.Status, res.Reason, res.Detail = 500, delivery.ReasonStatus, "the endpoint answered with an error"
			}
			return res
		}
		p := w.start(t, shards)
		p.register(t, "crm", nil)
		pass(time.Second)
		w.publish(1, 1, "a")
		pass(5 * time.Second)
		w.publish(2, 100, "a")
		pass(3 * time.Second)
		if err := p.stop(); err != nil {
			t.Error(err)
		}
		if len(p.attempted) != 101 {
			t.Fatalf("%d attempts", len(p.attempted))
		}
		whole := 0
		for _, a := range p.attempted {
			if a.Address != "203.0.113.7:443" || a.Phases.FirstByte != 9000 {
				t.Errorf("%+v", a)
			}
			if (a.Request != "") != (a.Headers != "") || strings.Contains(string(a.Headers), "canary") {
				t.Errorf("headers %q and %q", a.Request, a.Headers)
			}
			if a.Request != "" {
				whole++
			}
		}
		if whole < 2 || whole > 25 {
			t.Errorf("%d of %d records have headers", whole, len(p.attempted))
		}
		failed, again := p.attempted[0], p.attempted[1]
		if got := failed.Request.Map()["Hookspan-Attempt"]; got != "1" || len(failed.Response) != 4<<10 || failed.Headers.Map()["Set-Cookie"] != "***" || failed.Headers.Map()["X-Pad"] == "" {
			t.Errorf("of a failure: %+v", failed)
		}
		if failed.Wait != delivery.MicrosOf(time.Second) || !failed.Next.Equal(failed.Received.Add(time.Second)) {
			t.Errorf("the next attempt %v, %v after %v", failed.Next, failed.Wait.Duration(), failed.Received)
		}
		if len(again.Response) != 1<<10 || again.Headers.Map()["Server"] != "crm" || again.Headers.Map()["X-Pad"] != "" || again.Wait != 0 {
			t.Errorf("of a success: %+v", again)
		}
	})
}
