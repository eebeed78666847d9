package webhook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A giver gives tokens t1, t2, … that live so long, after so long.
type giver struct {
	mu     sync.Mutex
	asked  []time.Duration // since the start
	start  time.Time
	life   time.Duration
	takes  time.Duration
	broken error
}

func (g *giver) fetch(ctx context.Context) (string, time.Duration, error) {
	g.mu.Lock()
	g.asked = append(g.asked, time.Since(g.start))
	n, life, takes, broken := len(g.asked), g.life, g.takes, g.broken
	g.mu.Unlock()
	if err := rest(ctx, takes); err != nil {
		return "", 0, err
	}
	return fmt.Sprintf("t%d", n), life, broken
}

func (g *giver) set(life, takes time.Duration, broken error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.life, g.takes, g.broken = life, takes, broken
}

// clocked runs a test of one token by the clock of a bubble.
func clocked(t *testing.T, life time.Duration, test func(t *testing.T, g *giver, tok *token)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &giver{life: life, start: time.Now()}
		of := newTokens()
		defer of.shut()
		test(t, g, &token{of: of, fetch: g.fetch, place: func(context.Context) (*place, error) { return nil, nil }})
	})
}

func wantToken(t *testing.T, tok *token, want string) {
	t.Helper()
	got, _, err := tok.get(t.Context(), time.Now().Add(time.Minute))
	if err != nil || got != want {
		t.Errorf("after a wait the token is %q, %v; want %q", got, err, want)
	}
	synctest.Wait() // what a use has begun
}

// A token is used again, renewed by the side before its end, and never used after it.
func TestATokenIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	clocked(t, time.Hour, func(t *testing.T, g *giver, tok *token) {
		for range 3 {
			wantToken(t, tok, "t1")
		}
		<-time.After(58 * time.Minute)
		wantToken(t, tok, "t1")
		if len(g.asked) != 1 {
			t.Errorf("asked at %v, want once", g.asked)
		}
		<-time.After(time.Minute) // a minute before its end
		g.set(time.Hour, time.Second, nil)
		wantToken(t, tok, "t1") // nobody waits
		wantToken(t, tok, "t1") // and asks again meanwhile
		<-time.After(2 * time.Second)
		wantToken(t, tok, "t2")
		if len(g.asked) != 2 || g.asked[1] != 59*time.Minute {
			t.Errorf("asked at %v", g.asked)
		}
		<-time.After(2 * time.Hour) // nobody used it meanwhile
		g.set(time.Hour, 0, nil)
		wantToken(t, tok, "t3")
	})
}

func TestATokenWithoutAnEndIsKept(t *testing.T) {
	t.Parallel()
	clocked(t, 0, func(t *testing.T, g *giver, tok *token) {
		wantToken(t, tok, "t1")
		<-time.After(1000 * time.Hour)
		wantToken(t, tok, "t1")
		tok.refuse("t0") // an older one
		wantToken(t, tok, "t1")
		tok.refuse("t1")
		wantToken(t, tok, "t2")
	})
}

// Whoever comes while a question is on its way waits for that one.
func TestOneQuestionServesAll(t *testing.T) {
	t.Parallel()
	clocked(t, time.Hour, func(t *testing.T, g *giver, tok *token) {
		g.set(time.Hour, time.Second, nil)
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if got, _, err := tok.get(t.Context(), time.Now().Add(time.Minute)); err != nil || got != "t1" {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		all.Wait()
		if len(g.asked) != 1 {
			t.Errorf("asked %d times", len(g.asked))
		}
	})
}

// A token endpoint that fails is asked once a second at the most, whoever wants a token; a token
// that still serves is used meanwhile.
func TestATokenEndpointThatFailsIsNotFlooded(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	clocked(t, time.Hour, func(t *testing.T, g *giver, tok *token) {
		g.set(time.Hour, 0, broken)
		for n := range 5 {
			if _, _, err := tok.get(t.Context(), time.Now().Add(time.Minute)); !errors.Is(err, broken) {
				t.Fatalf("attempt %d: %v", n, err)
			}
		}
		if last := g.asked[len(g.asked)-1]; len(g.asked) != 5 || last < 4*time.Second {
			t.Errorf("asked at %v", g.asked)
		}
		g.set(time.Hour, 0, nil)
		wantToken(t, tok, "t6")
		g.set(time.Hour, 0, broken)
		<-time.After(59*time.Minute + 30*time.Second) // it is to be renewed, and cannot be
		wantToken(t, tok, "t6")
		wantToken(t, tok, "t6")
		<-time.After(time.Minute)
		if _, _, err := tok.get(t.Context(), time.Now().Add(time.Minute)); !errors.Is(err, broken) {
			t.Errorf("after its end: %v", err)
		}
	})
}

// A token that the endpoint refuses as soon as it was given is no reason to flood the token endpoint.
func TestTokensThatAreRefusedAtOnceAreAskedForSlowly(t *testing.T) {
	t.Parallel()
	clocked(t, time.Hour, func(t *testing.T, g *giver, tok *token) {
		for range 5 {
			got, _, err := tok.get(t.Context(), time.Now().Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			tok.refuse(got)
		}
		if last := g.asked[len(g.asked)-1]; len(g.asked) != 5 || last < 4*time.Second {
			t.Errorf("asked at %v", g.asked)
		}
		wantToken(t, tok, "t6")
		<-time.After(30 * time.Minute)
		before := time.Now()
		tok.refuse("t6") // it has served
		if wantToken(t, tok, "t7"); !time.Now().Equal(before) {
			t.Errorf("waited for %s", time.Since(before))
		}
	})
}

// An attempt waits no longer than it may, and its end does not end the question.
func TestAnAttemptWaitsForATokenNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	clocked(t, time.Hour, func(t *testing.T, g *giver, tok *token) {
		g.set(time.Hour, 3*time.Second, nil)
		if _, _, err := tok.get(t.Context(), time.Now().Add(time.Second)); !errors.Is(err, context.DeadlineExceeded) || time.Since(g.start) != time.Second {
			t.Errorf("after %s: %v", time.Since(g.start), err)
		}
		stopped, stop := context.WithCancel(t.Context())
		stop()
		if _, _, err := tok.get(stopped, time.Now().Add(time.Minute)); err == nil {
			t.Error("a stopped attempt got a token")
		}
		wantToken(t, tok, "t1")
		if len(g.asked) != 1 {
			t.Errorf("asked at %v", g.asked)
		}
	})
}
