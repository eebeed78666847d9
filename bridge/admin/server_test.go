package admin_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/dataschema"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/endpoint/endpointtest"
	"github.com/hookspan/hookspan/bridge/filter"
	"github.com/hookspan/hookspan/bridge/journal"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/signature"
	"github.com/hookspan/hookspan/schemas/schematest"
)

const token = "a token for tests"

// server is the admin listener over a registry and an index that are real, and an outbound
// side and a log of refusals that remember.
type server struct {
	t        *testing.T
	url      string
	token    string
	logs     *endpointtest.Store
	registry *endpoint.Registry
	index    *journal.Index

	mu       sync.Mutex
	ready    error
	commands []delivery.Command
	replays  []delivery.ReplayStanding
	behind   map[string]*delivery.Behind
	read     int64 // nothing behind it was looked at; 0: all was
	standing map[string]delivery.Standing
	waiting  []delivery.Waiting
	stored   []bus.Message // that Locate finds
	tired    bool          // Locate sees not all
	from     bus.Positions // that Locate was asked for last
	since    time.Time
	refuses  bool // a test event
	refusals [][]byte
}

func newServer(t *testing.T) *server {
	t.Helper()
	sealer, err := endpoint.NewSealer(bytes.Repeat([]byte{1}, endpoint.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return newReplica(t, endpointtest.New(), sealer, nil)
}

// newReplica is a server over a bus that others may use too; edit may change its options.
func newReplica(t *testing.T, store *endpointtest.Store, sealer *endpoint.Sealer, edit func(*admin.Options)) *server {
	t.Helper()
	s := &server{t: t, token: token, logs: store, index: journal.New(journal.Options{}), behind: map[string]*delivery.Behind{}}
	declared, err := dataschema.Load("", "")
	if err != nil {
		t.Fatal(err)
	}
	s.registry = endpoint.NewRegistry(s.logs, sealer, endpoint.Options{Check: check})
	if err := s.registry.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := admin.Options{
		Registry: s.registry, Deliveries: s.index, Outbound: s, Events: s, Tester: s, Refusals: s,
		Sources: func() []receiver.Source {
			shop := receiver.Source{Name: "shop", Provider: "sticker", Secrets: []string{"canary-of-a-source"}, Options: map[string]string{"verify_token": "canary"}}
			receiver.Fields().Fill(&shop)
			return []receiver.Source{shop}
		},
		Schemas: func() *dataschema.Set { return declared },
		Proof:   func(receiver.Source) provider.Proof { return provider.Verified },
		Ready:   func(context.Context) error { s.mu.Lock(); defer s.mu.Unlock(); return s.ready },
		Token:   func() string { return s.token },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hookspan_up 1\n") }),
	}
	if edit != nil {
		edit(&o)
	}
	server := httptest.NewServer(admin.New(o))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// check is what the signature schemes ask for.
func check(_ context.Context, e *endpoint.Endpoint) []endpoint.FieldError {
	_, err := signature.Compile(e.Signature, e.Options, e.Secrets)
	var field *signature.FieldError
	if errors.As(err, &field) {
		return []endpoint.FieldError{{Field: field.Field, Message: field.Detail}}
	}
	return nil
}

func (s *server) Command(_ context.Context, c delivery.Command) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, c)
	return nil
}

func (s *server) Replays(context.Context) ([]delivery.ReplayStanding, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.replays), nil
}

func (s *server) Stretches(_ context.Context, from, _ delivery.Edge) (map[bus.Partition]delivery.Stretch, error) {
	if from.Topic == "nowhere" {
		return nil, fmt.Errorf("%q %w", from.Topic, delivery.ErrNoTopic)
	}
	one := bus.Position{Identity: "one"}
	to := one
	to.Seq = int64(len(s.stored))
	return map[bus.Partition]delivery.Stretch{"EVENTS": {From: one, To: to}}, nil
}

func (s *server) Replayed(_ context.Context, e *endpoint.Endpoint, r *delivery.Replay, each func(*bus.Message)) error {
	var list *filter.List
	if r.Filters != nil {
		list = &filter.List{}
		if err := list.Parse(string(r.Filters)); err != nil {
			return err
		}
	}
	for i := range s.stored {
		if v, _ := e.JudgeReplay(&s.stored[i], list); v == endpoint.Taken {
			each(&s.stored[i])
		}
	}
	return nil
}

func (s *server) Note(id string) *delivery.Note {
	n := &delivery.Note{Endpoint: id, Behind: s.behind[id]}
	if n.Behind != nil {
		n.Reached = bus.Positions{"EVENTS": {Identity: "one", Seq: 5}}
	}
	return n
}

func (s *server) Read(string) bus.Positions {
	return bus.Positions{"EVENTS": {Identity: "one", Seq: cmp.Or(s.read, math.MaxInt64)}}
}

func (s *server) Standing(_, id string) (delivery.Standing, bool) {
	for _, w := range s.waiting {
		if w.ID == id {
			return w.Standing, true
		}
	}
	st, ok := s.standing[id]
	return st, ok
}

func (s *server) Waiting(wants func(*delivery.Entry) bool) (all []delivery.Waiting) {
	for _, w := range s.waiting {
		if wants(&w.Entry) {
			all = append(all, w)
		}
	}
	return all
}

func (s *server) Locate(_ context.Context, id string, from bus.Positions, since time.Time) (found []bus.Message, whole bool) {
	s.from, s.since = from, since
	for _, m := range s.stored {
		if m.Event.ID == id {
			found = append(found, m)
		}
	}
	return found, !s.tired
}

func (s *server) IsFor(e *endpoint.Endpoint, m *bus.Message) bool {
	return e.Takes(m)
}

func (s *server) Stats() delivery.Stats {
	return delivery.Stats{Pending: map[string]int64{"retry": 2}, Oldest: 90 * time.Second, Longest: delivery.WaitsRetry, Shards: 32, Lag: 5}
}

func (s *server) Test(_ context.Context, _ *endpoint.Endpoint, eventType string) (delivery.Attempt, error) {
	sent := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	attempt := delivery.Attempt{Number: 1, Sent: sent, Received: sent.Add(20 * time.Millisecond), Status: 204, Detail: eventType}
	if s.refuses {
		attempt.Status, attempt.Reason, attempt.Detail = 500, delivery.ReasonStatus, "the endpoint answered with an error"
	}
	return attempt, nil
}

func (s *server) Refusals(_ context.Context, limit int, each func([]byte) error) error {
	for _, data := range slices.Backward(s.refusals[max(0, len(s.refusals)-limit):]) {
		if err := each(data); err != nil {
			return err
		}
	}
	return nil
}

type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (s *server) do(method, path, body string) answer {
	s.t.Helper()
	return s.when(method, path, body, "")
}

// when is do with an If-Match; "": none.
func (s *server) when(method, path, body, match string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if match != "" {
		req.Header.Set("If-Match", match)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	schematest.Answer(s.t, method, path, res.StatusCode, text)
	return answer{s.t, res.StatusCode, res.Header, string(text)}
}

// object checks the status and returns the body.
func (a answer) object(status int) map[string]any {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	var o map[string]any
	if err := json.Unmarshal([]byte(a.body), &o); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return o
}

// problem checks that the answer is one, and returns the paths of the fields at fault.
func (a answer) problem(status int, code string) []string {
	a.t.Helper()
	o := a.object(status)
	if a.header.Get("Content-Type") != "application/problem+json" || o["code"] != code || o["status"] != float64(status) {
		a.t.Errorf("want a problem %s: %s", code, a.body)
	}
	var paths []string
	fields, _ := o["errors"].([]any)
	for _, f := range fields {
		paths = append(paths, fmt.Sprint(f.(map[string]any)["path"]))
	}
	return paths
}
