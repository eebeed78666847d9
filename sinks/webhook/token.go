package webhook

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/setting"
)

const (
	tokenTimeout = 10 * time.Second // of one question to a token endpoint
	tokenRetry   = time.Second      // between two, after a failure
	tokenNew     = time.Minute      // as long as this a token should serve
	tokensKept   = 1024             // before those that nobody uses are forgotten
	tokenKept    = time.Hour        // since its last use
)

// tokens log requests in by the client credentials grant. A token serves all who have the same
// grant and way; one question for it is on its way at a time.
type tokens struct {
	asking  context.Context // ends with the sender; a question outlives the attempt that began it
	stop    context.CancelFunc
	running sync.WaitGroup

	mu    sync.Mutex
	known map[tokenKey]*token
}

type tokenKey struct {
	grant delivery.Key
	route *route
}

func newTokens() *tokens {
	t := &tokens{known: map[tokenKey]*token{}}
	t.asking, t.stop = context.WithCancel(context.Background())
	return t
}

// shut ends the questions that are on their way.
func (ts *tokens) shut() {
	ts.stop()
	ts.running.Wait()
}

// A token is the newest that a grant gave.
type token struct {
	of    *tokens
	place func(context.Context) (*place, error)
	fetch func(context.Context) (text string, life time.Duration, err error)

	mu     sync.Mutex
	text   string    // "": there is none
	renew  time.Time // when the next one is asked for; zero: when this one is refused
	until  time.Time // when it must not be used any more; zero: nobody knows
	asked  *question // nil: none is on its way
	given  time.Time // when text was
	failed time.Time // when a question failed last, or gave what the endpoint does not take
	used   time.Time
}

// A question to a token endpoint. Whoever waits for it reads the rest once done is closed, by
// the one who asks.
type question struct {
	done   chan struct{}
	placed atomic.Bool // there is a connection for it
	text   string
	err    error
}

// send makes an attempt with a token, and once more with a new one where the endpoint refuses it.
func (ts *tokens) send(ctx context.Context, rt *route, to *target, r *delivery.Request) delivery.Response {
	end := time.Now().Add(r.Timeout)
	t := ts.token(rt, r.Access.Grant)
	text, waited, err := t.get(ctx, end)
	if err != nil {
		return noToken(ctx, 0, err)
	}
	if waited && !room(ctx, r, end) { // the place that the attempt had is over: those that waited would go out together
		return lost(ctx, delivery.Response{Reason: delivery.ReasonAuth, Detail: "the token to log in with came too late for the endpoint's limits"})
	}
	res := sendWith(ctx, rt, to, r, text, end)
	if res.Status != http.StatusUnauthorized || res.Reason == "" {
		return res
	}
	t.refuse(text)
	next, _, err := t.get(ctx, end)
	if err != nil {
		failure := noToken(ctx, res.Status, err)
		res.Reason, res.Detail = failure.Reason, failure.Detail
		return res
	}
	if next == text || !room(ctx, r, end) {
		return lost(ctx, res)
	}
	return sendWith(ctx, rt, to, r, next, end)
}

// sendWith makes a request with a token, which nobody is told should the endpoint repeat it.
func sendWith(ctx context.Context, rt *route, to *target, r *delivery.Request, text string, end time.Time) delivery.Response {
	res := rt.send(ctx, to, withToken(r, text, end))
	res.Replace(text, setting.Hidden)
	return res
}

// withToken is the request with what is left of its time.
func withToken(r *delivery.Request, text string, end time.Time) *delivery.Request {
	with := *r
	if with.Header = maps.Clone(r.Header); with.Header == nil {
		with.Header = http.Header{}
	}
	with.Header["Authorization"] = []string{"Bearer " + text}
	with.Timeout = time.Until(end)
	return &with
}

// noToken is the response of an attempt that could not be made.
func noToken(ctx context.Context, status int, err error) delivery.Response {
	if ctx.Err() != nil {
		return failed(ctx, 0, err)
	}
	if ofReason(err, delivery.ReasonProxy) || errors.Is(err, errCrowded) {
		return failed(ctx, status, err) // which says nothing of the token endpoint
	}
	return delivery.Response{Status: status, Reason: delivery.ReasonAuth, Detail: "no token to log in with: " + tokenDetail(err)}
}

func (ts *tokens) token(rt *route, g *delivery.Grant) *token {
	key, now := tokenKey{g.Key(), rt}, time.Now()
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.known[key]
	if t == nil {
		if len(ts.known) >= tokensKept {
			maps.DeleteFunc(ts.known, func(_ tokenKey, t *token) bool { return now.Sub(t.used) > tokenKept })
		}
		ask := &granting{rt, g}
		t = &token{of: ts, place: ask.place, fetch: ask.fetch}
		ts.known[key] = t
	}
	t.used = now
	return t
}

// get returns a token that serves now, and whether it had to be waited for. One whose end is near is
// used while the next is asked for.
func (t *token) get(ctx context.Context, end time.Time) (text string, waited bool, err error) {
	t.mu.Lock()
	now := time.Now()
	serves := t.text != "" && (t.until.IsZero() || now.Before(t.until))
	if due := !serves || !t.renew.IsZero() && !now.Before(t.renew); due && t.asked == nil {
		t.ask(now)
	}
	text, q := t.text, t.asked
	t.mu.Unlock()
	if serves {
		return text, false, nil
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	select {
	case <-q.done:
		return q.text, true, q.err
	case <-ctx.Done():
		if !q.placed.Load() {
			return "", true, errCrowded
		}
		return "", true, context.DeadlineExceeded
	}
}

// refuse forgets a token that the endpoint did not take, unless there is a newer one already. Where
// it is refused as soon as it was given, the next question waits as after a failure.
func (t *token) refuse(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.text != text {
		return
	}
	t.text = ""
	if now := time.Now(); now.Sub(t.given) < tokenNew {
		t.failed = now
	}
}

// ask begins a question. The caller has the lock.
func (t *token) ask(now time.Time) {
	q := &question{done: make(chan struct{})}
	t.asked = q
	wait := t.failed.Add(tokenRetry).Sub(now)
	t.of.running.Go(func() {
		var life time.Duration
		begun := now
		if q.err = rest(t.of.asking, wait); q.err == nil {
			begun, q.text, life, q.err = t.put(q)
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		defer close(q.done)
		t.asked = nil
		if q.err != nil {
			t.failed = time.Now()
			return
		}
		t.text, t.given, t.renew, t.until = q.text, time.Now(), time.Time{}, time.Time{}
		if life > 0 { // the endpoint's clock began before ours
			t.renew = begun.Add(life - min(life/5, time.Minute))
			t.until = begun.Add(life - min(life/20, 5*time.Second))
		}
	})
}

// put asks once there is a connection for it.
func (t *token) put(q *question) (begun time.Time, text string, life time.Duration, err error) {
	pl, err := t.place(t.of.asking)
	if err != nil {
		return begun, "", 0, err
	}
	defer pl.free()
	q.placed.Store(true)
	begun = time.Now()
	text, life, err = t.fetch((&trail{place: pl}).along(t.of.asking))
	return begun, text, life, err
}

// rest waits before a question.
func rest(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ungranted("the sender was closed")
	}
}
