package fault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Driver is the outside world in front of the intake: it sends as the providers do, again
// when it was refused or cut off, and tells the oracle of every event and of every 2xx.
type Driver struct {
	Intakes []string // URLs of the replicas, in turn; one that did not take an event is followed by the next
	Sources []Source
	Oracle  *Oracle
	Rate    int    // events a second at the most, all connections together; 0: as many as are answered
	Size    int    // bytes of padding at the most; default 1500
	Taken   *Beats // of the 2xx

	client *http.Client
	next   atomic.Int64
	run    string // makes ids differ from those of other drivers

	mu      sync.Mutex
	answers map[string]int // by status and code, or what else happened
	waiting []*waiter
	rng     *rand.Rand
}

// A waiter wants to know of the first 2xx to a request that began after its time.
type waiter struct {
	since time.Time
	done  chan time.Time // has room for the one time that is sent
}

// NewDriver returns a driver whose choices follow from the seed.
func NewDriver(o *Oracle, seed uint64, intakes ...string) *Driver {
	return &Driver{
		Intakes: intakes, Sources: Sources(), Oracle: o, Size: 1500, Taken: &Beats{},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 15 * time.Second},
		run:    fmt.Sprintf("%08x", uint32(seed)), answers: map[string]int{}, rng: rand.New(rand.NewPCG(seed, 1)),
	}
}

// Run sends over that many connections until ctx ends.
func (d *Driver) Run(ctx context.Context, connections int) {
	defer d.client.CloseIdleConnections()
	turns := make(chan struct{}) // the pacer sends, connections receive; nobody closes it
	var all sync.WaitGroup
	if d.Rate > 0 {
		all.Go(func() { d.pace(ctx, turns) })
	}
	for range connections {
		all.Go(func() { d.send(ctx, turns) })
	}
	all.Wait()
}

func (d *Driver) pace(ctx context.Context, turns chan<- struct{}) {
	tick := time.NewTicker(time.Second / time.Duration(d.Rate))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case <-ctx.Done():
			return
		case turns <- struct{}{}:
		}
	}
}

// send is one connection: an event that was not taken is sent again, most of the time.
func (d *Driver) send(ctx context.Context, turns <-chan struct{}) {
	var w *webhook
	for ctx.Err() == nil {
		if d.Rate > 0 {
			select {
			case <-ctx.Done():
				return
			case <-turns:
			}
		}
		if w == nil {
			w = d.webhook()
		}
		if d.Post(ctx, w) || d.chance(0.3) {
			w = nil
			continue
		}
		Pause(ctx, 5*time.Millisecond)
	}
}

// A webhook is one event as its provider sends it.
type webhook struct {
	source *Source
	id     string
	key    Key
	body   []byte
	turn   int // which intake is next
}

func (d *Driver) webhook() *webhook {
	n := int(d.next.Add(1))
	d.mu.Lock()
	s, size := &d.Sources[d.rng.IntN(len(d.Sources))], d.rng.IntN(d.Size)
	d.mu.Unlock()
	w := &webhook{source: s, id: fmt.Sprintf("%s-%d", d.run, n), turn: n}
	w.key, w.body = s.Event(s.Name, w.id, n, strings.Repeat("x", size))
	return w
}

// Post sends once and reports whether the answer was 2xx. Ending ctx does not cut it off: the
// answer counts.
func (d *Driver) Post(ctx context.Context, w *webhook) bool {
	began := time.Now()
	d.Oracle.Sending(w.key, sha256.Sum256(w.body), began)
	intake := d.Intakes[w.turn%len(d.Intakes)]
	w.turn++
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, intake+"/webhooks/"+w.source.Name, bytes.NewReader(w.body))
	if err != nil {
		panic(err) // a URL that the test made
	}
	req.Header.Set("Content-Type", "application/json")
	w.source.Sign(req.Header, w.source.Secret, w.id, w.body, began)
	res, err := d.client.Do(req)
	if err != nil {
		d.count("no answer")
		return false
	}
	defer func() { _ = res.Body.Close() }() // only read
	text, _ := io.ReadAll(res.Body)         // the status alone decides
	if res.StatusCode < 200 || res.StatusCode > 299 {
		d.refused(res, text)
		return false
	}
	d.Oracle.Accepted(w.key, time.Now())
	d.count("2xx")
	d.accepted(began)
	return true
}

// refused holds an error answer against what senders rely on.
func (d *Driver) refused(res *http.Response, body []byte) {
	var problem struct{ Code string }
	if json.Unmarshal(body, &problem) != nil || problem.Code == "" {
		d.Oracle.Fault("answer %d has no code: %.100q", res.StatusCode, body)
	}
	if res.StatusCode != http.StatusServiceUnavailable {
		d.Oracle.Fault("a good webhook was answered %d %s", res.StatusCode, problem.Code)
	} else if res.Header.Get("Retry-After") == "" {
		d.Oracle.Fault("503 %s came without Retry-After", problem.Code)
	}
	d.count(fmt.Sprintf("%d %s", res.StatusCode, problem.Code))
}

// Once sends one new event and reports whether the answer was 2xx.
func (d *Driver) Once(ctx context.Context) bool { return d.Post(ctx, d.webhook()) }

func (d *Driver) chance(share float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Float64() < share
}

func (d *Driver) count(answer string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answers[answer]++
}

// Answers counts what came back, by status and code.
func (d *Driver) Answers() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make(map[string]int, len(d.answers))
	for answer, n := range d.answers {
		all[answer] = n
	}
	return all
}

func (d *Driver) accepted(began time.Time) {
	now := time.Now()
	d.Taken.Add(now)
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.waiting[:0]
	for _, w := range d.waiting {
		if began.After(w.since) {
			w.done <- now
			continue
		}
		kept = append(kept, w)
	}
	d.waiting = kept
}

// FirstAfter returns a channel that gets the time of the first 2xx to a request that begins
// after since.
func (d *Driver) FirstAfter(since time.Time) <-chan time.Time {
	w := &waiter{since, make(chan time.Time, 1)}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = append(d.waiting, w)
	return w.done
}
