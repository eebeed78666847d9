package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/receiver"
)

func TestSuccessIsTheProvidersOwnAnswer(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	body := "{\"event\":\"order.shipped\", \"note\":\"\x00\xff kept\r\n\"  }\n"
	body = strings.ToValidUTF8(strings.ReplaceAll(body, "\x00", `\u0000`), "")
	body = strings.ReplaceAll(body, "\r\n", `\r\n`)
	got := w.send("1", body)
	if got.status != 202 || got.body != "[taken]" || got.header.Get("X-Shop") != "thanks" {
		t.Fatalf("answer %+v", got)
	}
	all := w.store.all()
	if len(all) != 1 || all[0].topic != "hookspan.events.shop.order.shipped" || string(all[0].event.Data) != body {
		t.Fatalf("stored %+v", all)
	}
	if all[0].options.Structured || all[0].options.Reserved || all[0].options.Key == "" {
		t.Errorf("options %+v", all[0].options)
	}
	if n := w.counted("hookspan_intake_requests_total", "source", "shop", "outcome", "accepted"); n != 1 {
		t.Errorf("accepted counted %v", n)
	}
}

func TestRepeatGetsTheSameAnswerAndIsNotPublished(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	first := w.send("1", `{"event":"a"}`)
	second := w.send("1", `{"event":"a"}`)
	for _, got := range []answer{second, w.send("1", `{"event":"a"}`)} {
		if got.status != first.status || got.body != first.body {
			t.Errorf("repeat answered %+v, the first %+v", got, first)
		}
	}
	if n := len(w.store.all()); n != 1 {
		t.Errorf("%d events are stored", n)
	}
	if n := w.counted("hookspan_intake_requests_total", "outcome", "repeated"); n != 2 {
		t.Errorf("repeated counted %v", n)
	}
	if n := w.counted("hookspan_intake_altered_total"); n != 0 {
		t.Errorf("altered counted %v", n)
	}
	w.stop()
	if strings.Contains(w.log.String(), "another body") {
		t.Errorf("log %s", w.log)
	}
}

func TestHundredAtOnceArePublishedOnce(t *testing.T) {
	t.Parallel()
	release, entered := make(chan struct{}), make(chan struct{}, 200)
	w := setup(t, nil)
	w.store.before = func(context.Context, *event.Event) error {
		entered <- struct{}{}
		<-release
		return nil
	}
	var wg sync.WaitGroup
	statuses := make(chan int, 100)
	for range 100 {
		q := w.request("POST", "/webhooks/shop", "same", []byte(`{"event":"a"}`), nil)
		wg.Go(func() { statuses <- w.do(q).status })
	}
	<-entered
	select {
	case status := <-statuses:
		t.Errorf("%d was answered before the event was durable", status)
	default:
	}
	close(release)
	wg.Wait()
	close(statuses)
	for status := range statuses {
		if status != 202 {
			t.Errorf("answered %d", status)
		}
	}
	if len(w.store.all()) != 1 || len(entered) != 0 {
		t.Errorf("%d events are stored, %d more publishes", len(w.store.all()), len(entered))
	}
}

func TestWhatCannotBeStoredIs503AndTakenLater(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code string
		want int
	}{
		{fmt.Errorf("no leader: %w", bus.ErrUnavailable), "bus_unavailable", 503},
		{bus.ErrDiskFull, "disk_full", 503},
		{bus.ErrStoreFull, "store_full", 503},
		{context.DeadlineExceeded, "bus_unavailable", 503},
		{errors.New("something new"), "bus_unavailable", 503},
		{bus.ErrTooLarge, "too_large", 413},
	} {
		w := setup(t, nil)
		w.store.before = func(context.Context, *event.Event) error { return c.err }
		for range 2 {
			got := w.send("1", `{"event":"a"}`)
			if got.status != c.want || got.code() != c.code || (c.want == 503) != (got.header.Get("Retry-After") != "") {
				t.Errorf("%v: %+v", c.err, got)
			}
			if strings.Contains(got.body, c.err.Error()) {
				t.Errorf("the answer tells the reason: %s", got.body)
			}
		}
		w.store.before = nil
		if got := w.send("1", `{"event":"a"}`); got.status != 202 || len(w.store.all()) != 1 {
			t.Errorf("%v: later %+v", c.err, got)
		}
	}
}

func TestRefusalsLookTheSame(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	body := []byte(`{"event":"a"}`)
	missing := w.do(w.request("POST", "/webhooks/shop", "1", body, http.Header{"X-Signature": nil}))
	wrong := w.do(w.request("POST", "/webhooks/shop", "1", body, http.Header{"X-Signature": {"00ff"}}))
	if missing.status != 403 || missing.code() != "refused" {
		t.Errorf("answer %+v", missing)
	}
	if missing.status != wrong.status || missing.body != wrong.body {
		t.Errorf("%+v\n%+v", missing, wrong)
	}
	got := w.refusals(2)
	for i := range got {
		if got[i].Time.IsZero() || got[i].Remote != "127.0.0.1" {
			t.Errorf("refusal %+v", got[i])
		}
		got[i].Time, got[i].Remote = got[i].Time.Truncate(1<<62), ""
	}
	want := []receiver.Refusal{
		{Time: got[0].Time, Source: "shop", Reason: "no_signature", Detail: "header X-Signature is missing", Status: 403, Method: "POST", Size: int64(len(body))},
		{Time: got[1].Time, Source: "shop", Reason: "bad_signature", Detail: "X-Signature against HMAC-SHA256 of the body, 1 secret", Status: 403, Method: "POST", Size: int64(len(body))},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refusals (-want +got):\n%s", diff)
	}
	w.stop()
	for _, fact := range []string{"request refused", "reason=bad_signature", "source=shop", "remote=127.0.0.1"} {
		if !strings.Contains(w.log.String(), fact) {
			t.Errorf("the log lacks %q: %s", fact, w.log)
		}
	}
}

func TestAnswersBeforeTheBodyIsJudged(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for _, c := range []struct {
		name, method, path string
		header             http.Header
		status             int
		code               string
	}{
		{"unknown source", "POST", "/webhooks/other", nil, 404, "unknown_source"},
		{"no source", "POST", "/webhooks/", nil, 404, "unknown_source"},
		{"deeper path", "POST", "/webhooks/shop/more", nil, 404, "unknown_source"},
		{"another path", "POST", "/shop", nil, 404, "unknown_source"},
		{"method", "DELETE", "/webhooks/shop", nil, 405, "method"},
		{"encoding", "POST", "/webhooks/shop", http.Header{"Content-Encoding": {"br"}}, 415, "media_type"},
		{"media type", "POST", "/webhooks/shop", http.Header{"Content-Type": {"text/x-shop"}}, 415, "media_type"},
	} {
		got := w.do(w.request(c.method, c.path, "1", []byte(`{"event":"a"}`), c.header))
		if got.status != c.status || got.code() != c.code || got.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %+v", c.name, got)
		}
		if allow := got.header.Get("Allow"); (allow == "POST, GET") != (c.status == 405) {
			t.Errorf("%s: Allow %q", c.name, allow)
		}
	}
	if n := len(w.store.all()); n != 0 {
		t.Errorf("%d events are stored", n)
	}
}

func TestHandshakeIsAnsweredInTheProvidersWords(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) { o.Sources[0].PublicURL = "https://hooks.example.org/in" })
	got := w.do(w.request("GET", "/webhooks/shop?a=1&b=%20", "", nil, nil))
	if got.status != 200 || got.body != "https://hooks.example.org/in?a=1&b=%20" {
		t.Errorf("answer %+v", got)
	}
	if n := w.counted("hookspan_intake_requests_total", "outcome", "challenge"); n != 1 {
		t.Errorf("challenge counted %v", n)
	}
}

func TestInvalidBodies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy receiver.Policy
		status int
		topics []string
	}{
		{"", 202, []string{"hookspan.quarantine"}},
		{receiver.Quarantine, 202, []string{"hookspan.quarantine"}},
		{receiver.Accept, 202, []string{"hookspan.events.shop._"}},
		{receiver.Reject, 422, nil},
	} {
		w := setup(t, func(o *receiver.Options) { o.Sources[0].Invalid = c.policy })
		for range 2 { // the second is a repeat, but for one that is rejected
			if got := w.send("1", "not JSON \x00\xff"); got.status != c.status {
				t.Errorf("%q: %+v", c.policy, got)
			}
		}
		if diff := cmp.Diff(c.topics, w.store.topics()); diff != "" {
			t.Errorf("%q: topics (-want +got):\n%s", c.policy, diff)
		}
		for _, m := range w.store.all() {
			if string(m.event.Data) != "not JSON \x00\xff" {
				t.Errorf("%q: data %q", c.policy, m.event.Data)
			}
			if m.topic == "hookspan.quarantine" && (m.event.Extension("hookspanreason") != "invalid_body" ||
				m.event.Extension("hookspandetail") != "the body is not JSON" || m.event.Extension("hookspansource") != "shop") {
				t.Errorf("%q: extensions %+v", c.policy, m.event.Extensions)
			}
		}
	}
}

// unfit holds that no data fits.
type unfit struct{}

func (unfit) Check(*event.Event, func(int64) error) (string, error) {
	return "", errors.New("/total: is missing")
}
func (unfit) Declared(string) string { return "" }

func TestSchemas(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy  receiver.Policy
		status  int
		topics  []string
		outcome string
	}{
		{receiver.Off, 202, []string{"hookspan.events.shop.a"}, "accepted"},
		{receiver.Warn, 202, []string{"hookspan.events.shop.a"}, "accepted"},
		{receiver.Quarantine, 202, []string{"hookspan.quarantine"}, "quarantined"},
		{receiver.Reject, 422, nil, "invalid"},
	} {
		w := setup(t, func(o *receiver.Options) {
			o.Sources[0].Schema = c.policy
			o.Schemas = unfit{}
		})
		got := w.send("1", `{"event":"a"}`)
		if got.status != c.status || (c.status == 422 && got.code() != "invalid_body") || strings.Contains(got.body, "total") {
			t.Errorf("%q: %+v", c.policy, got)
		}
		if diff := cmp.Diff(c.topics, w.store.topics()); diff != "" {
			t.Errorf("%q: topics (-want +got):\n%s", c.policy, diff)
		}
		if n := w.counted("hookspan_intake_requests_total", "outcome", c.outcome); n != 1 {
			t.Errorf("%q: outcome %s counted %v", c.policy, c.outcome, n)
		}
		w.stop()
		if told := strings.Contains(w.log.String(), "/total: is missing"); told == (c.policy == receiver.Off) {
			t.Errorf("%q: log %s", c.policy, w.log)
		}
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	w.send("", `[{"event":"a","id":"1"}]`)
	got := w.send("", `[{"event":"a","id":"1"},{"event":"b","id":"2"},{"event":"b","id":"2"},{"event":"c","id":"3"}]`)
	if got.status != 202 {
		t.Fatalf("answer %+v", got)
	}
	want := []string{"hookspan.events.shop.a", "hookspan.events.shop.b", "hookspan.events.shop.c"}
	if diff := cmp.Diff(want, w.store.topics()); diff != "" {
		t.Errorf("topics (-want +got):\n%s", diff)
	}
	if got := w.send("", `[]`); got.status != 202 {
		t.Errorf("an empty batch: %+v", got)
	}
}

func TestBatchWithAFailureIsTakenWhenItComesAgain(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	var down sync.Map
	down.Store("2", true)
	w.store.before = func(_ context.Context, e *event.Event) error {
		if _, ok := down.Load(e.ID); ok {
			return bus.ErrUnavailable
		}
		return nil
	}
	const batch = `[{"event":"a","id":"1"},{"event":"b","id":"2"},{"event":"c","id":"3"}]`
	if got := w.send("", batch); got.status != 503 {
		t.Fatalf("answer %+v", got)
	}
	down.Delete("2")
	if got := w.send("", batch); got.status != 202 || len(w.store.all()) != 3 {
		t.Errorf("again: %+v, %d stored", got, len(w.store.all()))
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) { o.Sources[0].Rate = receiver.Rate{PerSecond: .01, Burst: 2} })
	for i := range 3 {
		forged := w.do(w.request("POST", "/webhooks/shop", "x", []byte("{}"), http.Header{"X-Signature": {"00"}}))
		if forged.status != 403 {
			t.Errorf("a forged request took from the rate: %d at %d", forged.status, i)
		}
	}
	for i, want := range []int{202, 202, 429} {
		got := w.send(fmt.Sprint(i), `{"event":"a"}`)
		if got.status != want || (want == 429) != (got.header.Get("Retry-After") != "") {
			t.Errorf("request %d: %+v", i, got)
		}
	}
}

func TestStructuredContentAndOtherTopic(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *receiver.Options) {
		o.Sources[0].Content, o.Sources[0].Topic = receiver.Structured, "orders.eu"
	})
	w.send("1", `{"event":"a"}`)
	all := w.store.all()
	if len(all) != 1 || !all[0].options.Structured || all[0].topic != "orders.eu.a" {
		t.Errorf("stored %+v", all)
	}
}
