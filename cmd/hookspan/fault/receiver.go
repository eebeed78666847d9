package fault

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// SigningSecret signs what goes out to the endpoints, in all tests.
const SigningSecret = "whsec_" + "dGhlLXNlY3JldC1vZi1hbGwtdGhlLWVuZHBvaW50cw=="

// A Mood is how an endpoint behaves: shares of its requests, and the rest succeeds.
type Mood struct {
	Fail float64 // answered 500
	Slow float64 // answered after a while
	Hang float64 // never answered

	While time.Duration // how long slow is; 0: 300 ms, which is short of the endpoints' timeout
}

const slow = 300 * time.Millisecond

// A Receiver is all endpoints of a test. The path of a URL is an endpoint's name.
type Receiver struct {
	URL     string
	Arrived func(Arrival) // told of every success

	oracle *Oracle
	server *http.Server

	mu      sync.Mutex
	rng     *rand.Rand
	moods   map[string]Mood
	release chan struct{} // closed when moods change: what hangs is cut off
	batches map[string]Sum
	meters  map[string]*Meter
}

// NewReceiver listens on loopback and notes everything in the oracle.
func NewReceiver(o *Oracle, seed uint64) (*Receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for deliveries: %w", err)
	}
	r := &Receiver{
		URL: "http://" + l.Addr().String(), Arrived: o.Arrived, oracle: o, rng: rand.New(rand.NewPCG(seed, 2)),
		moods: map[string]Mood{}, release: make(chan struct{}), batches: map[string]Sum{},
		meters: map[string]*Meter{},
	}
	r.server = &http.Server{
		Handler: r, ReadHeaderTimeout: 10 * time.Second,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, connection{c, time.Now()})
		},
	}
	go func() { _ = r.server.Serve(l) }() // until Close
	return r, nil
}

// A connection is what a request came over, and since when it was there.
type connection struct {
	net.Conn
	since time.Time
}

type connectionKey struct{}

// Close hangs up on everybody.
func (r *Receiver) Close() {
	r.Set(nil)
	_ = r.server.Close() // a listener that is gone is closed too
}

// Set changes the moods of the endpoints named, and of all others to well.
func (r *Receiver) Set(moods map[string]Mood) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.moods = moods
	close(r.release)
	r.release = make(chan struct{})
}

// Meter is that of an endpoint.
func (r *Receiver) Meter(endpoint string) *Meter {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.meters[endpoint]
	if m == nil {
		m = &Meter{}
		r.meters[endpoint] = m
	}
	return m
}

// ServeHTTP is one attempt as an endpoint sees it.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // cut off
	}
	name := strings.TrimPrefix(q.URL.Path, "/")
	defer r.Meter(name).Begin()()
	if err := verify(q.Header, body, time.Now()); err != nil {
		r.oracle.Fault("%s refused a request: %v", name, err)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if !r.behave(name, w, q.Context()) {
		return
	}
	conn := q.Context().Value(connectionKey{}).(connection)
	arrivals, err := r.read(Arrival{Endpoint: name, At: time.Now(), Connected: conn.since}, q.Header, body)
	if err != nil {
		r.oracle.Fault("%s cannot read a request: %v", name, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if q.Context().Err() != nil || hungUp(conn.Conn) {
		return // nobody hears the answer: its sender was killed before it was read
	}
	for _, a := range arrivals {
		r.Arrived(a)
	}
	w.WriteHeader(http.StatusNoContent)
}

// behave does what the mood says and reports whether the request is to succeed.
func (r *Receiver) behave(name string, w http.ResponseWriter, ctx context.Context) bool {
	r.mu.Lock()
	mood, luck, release := r.moods[name], r.rng.Float64(), r.release
	r.mu.Unlock()
	switch {
	case luck < mood.Fail:
		w.WriteHeader(http.StatusInternalServerError)
		return false
	case luck < mood.Fail+mood.Slow:
		Pause(ctx, cmp.Or(mood.While, slow))
	case luck < mood.Fail+mood.Slow+mood.Hang:
		select {
		case <-ctx.Done():
		case <-release:
		}
		panic(http.ErrAbortHandler) // hangs up without an answer
	}
	return true
}

// verify checks a Standard Webhooks signature as any receiver should.
func verify(h http.Header, body []byte, now time.Time) error {
	id, stamp := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp")
	var seconds int64
	if _, err := fmt.Sscan(stamp, &seconds); err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > time.Minute {
		return fmt.Errorf("timestamp %q is not now", stamp)
	}
	for signature := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		got, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1,"))
		if err == nil && hmac.Equal(got, standardMAC(SigningSecret, id, stamp, body)) {
			return nil
		}
	}
	return fmt.Errorf("no signature of %s is right", id)
}

// read finds the events of a request in any content mode.
func (r *Receiver) read(arrival Arrival, h http.Header, body []byte) ([]Arrival, error) {
	arrival.WebhookID, arrival.Delivery = h.Get("Webhook-Id"), h.Get("Hookspan-Delivery")
	switch media, _, _ := strings.Cut(h.Get("Content-Type"), ";"); media {
	case "application/cloudevents+json":
		var e structured
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, err
		}
		arrival.Key, arrival.Sum = e.key(), sha256.Sum256(e.Data)
		return []Arrival{arrival}, nil
	case "application/cloudevents-batch+json":
		return r.readBatch(arrival, body)
	}
	arrival.Key, arrival.Sum = Key{h.Get("Ce-Source"), h.Get("Ce-Id")}, sha256.Sum256(body)
	return []Arrival{arrival}, nil
}

// structured is an event as one JSON document.
type structured struct {
	ID, Source string
	Data       json.RawMessage
}

func (e *structured) key() Key { return Key{e.Source, e.ID} }

// readBatch also checks that a batch under a name that was seen has the members it had then.
func (r *Receiver) readBatch(a Arrival, body []byte) ([]Arrival, error) {
	var events []structured
	if err := json.Unmarshal(body, &events); err != nil {
		return nil, err
	}
	members := sha256.New()
	all := make([]Arrival, len(events))
	for i, e := range events {
		members.Write([]byte(e.key().String() + "\n"))
		all[i] = a // but for what belongs to the batch as a whole
		all[i].Key, all[i].Sum, all[i].WebhookID, all[i].Delivery = e.key(), sha256.Sum256(e.Data), "", ""
	}
	sum := Sum(members.Sum(nil))
	r.mu.Lock()
	defer r.mu.Unlock()
	if before, seen := r.batches[a.WebhookID]; seen && before != sum {
		r.oracle.Fault("%s got batch %s with other members than before", a.Endpoint, a.WebhookID)
	}
	r.batches[a.WebhookID] = sum
	return all, nil
}
