package journal_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/journal"
)

// whole is a record with all that there can be.
func whole() delivery.Attempt {
	a := try(1, 1, "")
	a.Address, a.Phases = "203.0.113.7:443", delivery.Phases{DNS: 1800, Connect: 12400, TLS: 18100, FirstByte: 86200}
	a.Request, a.Headers = "Webhook-Id: msg_1\nAuthorization: ***\n", "Vary: Accept\nX-Id: a: b\nVary: Origin\n"
	a.Next, a.Wait = a.Received.Add(62*time.Second), delivery.MicrosOf(time.Minute)
	return a
}

// What the index makes of a record is what the record says.
func TestTheIndexShowsAttemptsWhole(t *testing.T) {
	t.Parallel()
	binary, asked, final, bare := whole(), whole(), whole(), whole()
	binary.Response, binary.Binary = "", "AP8="
	asked.Hold = asked.Next.Add(time.Minute)
	final.Outcome, final.Ended, final.Next, final.Wait = delivery.Failed, delivery.EndedExhausted, time.Time{}, 0
	bare.Status, bare.Address, bare.Phases, bare.Request, bare.Headers, bare.Response, bare.Wait = 0, "", delivery.Phases{}, "", "", "", 0
	for name, a := range map[string]delivery.Attempt{"whole": whole(), "binary": binary, "asked": asked, "final": final, "bare": bare, "success": try(1, 1, delivery.Delivered)} {
		ix := journal.New(journal.Options{})
		ix.Attempted(a)
		d, _ := ix.Get("dlv_1")
		if diff := cmp.Diff([]journal.Attempt{journal.Shown(a)}, d.Attempts); diff != "" {
			t.Errorf("%s: (-record +index)\n%s", name, diff)
		}
	}
	text := "thanks"
	want := journal.Attempt{
		Number: 1, Sent: noon.Add(61 * time.Second), Received: noon.Add(61*time.Second + 12500*time.Microsecond), StatusCode: 500, DurationMS: 12.5,
		Phases:  &journal.Phases{DNSMS: 1.8, ConnectMS: 12.4, TLSMS: 18.1, FirstByteMS: 86.2},
		Address: "203.0.113.7:443", Reason: delivery.ReasonStatus, Detail: "the answer was 500",
		Request:     &journal.Request{Headers: map[string]string{"Webhook-Id": "msg_1", "Authorization": "***"}},
		Response:    &journal.Response{Headers: map[string]string{"Vary": "Accept, Origin", "X-Id": "a: b"}, Body: &text},
		NextAttempt: noon.Add(123*time.Second + 12500*time.Microsecond), NextReason: delivery.NextBySchedule,
		NextDetail: "by the schedule 1m0s after the attempt, and 2s by chance (jitter)",
	}
	if diff := cmp.Diff(want, journal.Shown(whole())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := journal.Shown(binary).Response; got.Body != nil || got.Base64 != "AP8=" {
		t.Errorf("what is no text: %+v", got)
	}
	if got := journal.Shown(asked); got.NextReason != delivery.NextByRetryAfter || !got.NextAttempt.Equal(asked.Hold) || got.NextDetail == "" {
		t.Errorf("after a Retry-After: %+v", got)
	}
	if got := journal.Shown(final); !got.NextAttempt.IsZero() || got.NextReason != "" || got.NextDetail != "" {
		t.Errorf("the last one: %+v", got)
	}
	if got := journal.Shown(bare); got.Phases != nil || got.Request != nil || got.Response != nil || got.NextDetail != "by the schedule" {
		t.Errorf("without an answer, by an earlier version: %+v", got)
	}
}

// What the two sides said goes when there is too much of it; why an attempt failed, and when the
// next one follows, stays.
func TestReasonsOutliveWhatWasSaid(t *testing.T) {
	t.Parallel()
	ix := journal.New(journal.Options{TextBytes: 500})
	for n := range 50 {
		a := whole()
		a.Delivery, a.Event = try(n, 1, "").Delivery, ref(n)
		ix.Attempted(a)
	}
	d, _ := ix.Get("dlv_0")
	got := d.Attempts[0]
	if got.Request != nil || got.Response != nil {
		t.Errorf("kept: %+v", got)
	}
	if got.Detail == "" || got.NextDetail == "" || got.Phases == nil || got.Address == "" {
		t.Errorf("lost: %+v", got)
	}
	if d, _ := ix.Get("dlv_49"); d.Attempts[0].Request == nil || d.Attempts[0].Response == nil {
		t.Errorf("the newest: %+v", d.Attempts[0])
	}
}
