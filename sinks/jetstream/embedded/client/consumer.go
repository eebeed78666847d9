package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/sinks/jetstream"
)

// Bounds of one consumer of a client.
const (
	mostWaiting     = 512
	mostFilters     = 50
	mostBackOff     = 50
	mostMetadata    = 4 << 10
	mostName        = 128
	mostDescription = 1 << 10
	mostFilter      = 8 << 10 // bytes of all filter subjects together
	// leastAckWait is how soon the server may look again at what was not acknowledged: it looks as
	// often as that.
	leastAckWait = 100 * time.Millisecond
	// longestPull is what client libraries ask for by themselves. A pull of one who has gone is not
	// in others' way for longer.
	longestPull = 30 * time.Second
	// consumerSettles bounds how long a consumer may take to be known in a cluster.
	consumerSettles = 2 * time.Second
	settlesLook     = 5 * time.Millisecond
)

// A clientConsumer is what a client may say of a consumer: how it reads, and nothing of where
// the server should send things by itself.
type clientConsumer struct {
	Durable       string               `json:"durable_name,omitempty"`
	Name          string               `json:"name,omitempty"`
	Description   string               `json:"description,omitempty"`
	DeliverPolicy natsjs.DeliverPolicy `json:"deliver_policy"`
	StartSeq      uint64               `json:"opt_start_seq,omitempty"`
	StartTime     *time.Time           `json:"opt_start_time,omitempty"`
	AckPolicy     natsjs.AckPolicy     `json:"ack_policy"`
	AckWait       time.Duration        `json:"ack_wait,omitempty"`
	MaxDeliver    int                  `json:"max_deliver,omitempty"`
	BackOff       []time.Duration      `json:"backoff,omitempty"`
	Filter        string               `json:"filter_subject,omitempty"`
	Filters       []string             `json:"filter_subjects,omitempty"`
	ReplayPolicy  natsjs.ReplayPolicy  `json:"replay_policy"`
	MaxWaiting    int                  `json:"max_waiting,omitempty"`
	MaxAckPending int                  `json:"max_ack_pending,omitempty"`
	HeadersOnly   bool                 `json:"headers_only,omitempty"`
	MaxBatch      int                  `json:"max_batch,omitempty"`
	MaxExpires    time.Duration        `json:"max_expires,omitempty"`
	MaxBytes      int                  `json:"max_bytes,omitempty"`
	Inactive      time.Duration        `json:"inactive_threshold,omitempty"`
	Replicas      int                  `json:"num_replicas"`
	Memory        bool                 `json:"mem_storage,omitempty"`
	Metadata      map[string]string    `json:"metadata,omitempty"`
	PauseUntil    *time.Time           `json:"pause_until,omitempty"`
}

var clientConsumerFields = []string{
	"durable_name", "name", "description", "deliver_policy", "opt_start_seq", "opt_start_time", "ack_policy", "ack_wait",
	"max_deliver", "backoff", "filter_subject", "filter_subjects", "replay_policy", "max_waiting", "max_ack_pending",
	"headers_only", "max_batch", "max_expires", "max_bytes", "inactive_threshold", "num_replicas", "mem_storage", "metadata", "pause_until",
}

// createConsumer makes or changes a consumer of a client.
func (d *Desk) createConsumer(ctx context.Context, r request) (json.RawMessage, error) {
	var asked struct {
		Config json.RawMessage `json:"config"`
		Action string          `json:"action"`
	}
	if err := read(r.body, &asked); err != nil {
		return nil, err
	}
	c, err := readConsumer(asked.Config)
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(r.rest, ".") // a filter behind it says what the configuration says
	for _, given := range []string{c.Name, c.Durable} {
		if name == "" {
			name = given
		}
		if given != "" && given != name {
			return nil, invalid("the consumer is called %q and %q", name, given)
		}
	}
	if name == "" { // as the server would
		name = rand.Text()
	}
	if err := checkConsumerName(name); err != nil {
		return nil, err
	}
	if jetstream.OwnReader(name) {
		return nil, forbidden("names of consumers that begin with %s are Hookspan's own", jetstream.ReaderPrefix)
	}
	c.Name = name
	if r.verb == "CONSUMER.DURABLE.CREATE." {
		c.Durable = name
	}
	d.making.Lock()
	defer d.making.Unlock()
	if err := d.roomForConsumer(ctx, r.stream, name); err != nil {
		return nil, err
	}
	answer, err := d.ask(ctx, "CONSUMER.CREATE."+r.stream+"."+name, map[string]any{"stream_name": r.stream, "config": c, "action": asked.Action})
	if err == nil && d.o.Clustered {
		d.awaitConsumer(ctx, r.stream, name)
	}
	return answer, err
}

// awaitConsumer returns once this server knows of a new consumer, whose leader may be another
// one: till then a client that pulls is told that nobody is there. What it asks is no request
// that a consumer serves.
func (d *Desk) awaitConsumer(ctx context.Context, stream, name string) {
	ctx, cancel := context.WithTimeout(ctx, consumerSettles)
	defer cancel()
	tick := time.NewTicker(settlesLook)
	defer tick.Stop()
	for {
		if _, err := d.asks.RequestWithContext(ctx, nextPrefix+stream+"."+name, []byte("{")); !errors.Is(err, nats.ErrNoResponders) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// roomForConsumer bounds how many consumers clients have: each makes publishing slower.
func (d *Desk) roomForConsumer(ctx context.Context, stream, name string) error {
	all, err := d.consumersOf(ctx, "CONSUMER.NAMES."+stream)
	if err != nil {
		return err
	}
	known := slices.ContainsFunc(all.Consumers, func(c json.RawMessage) bool { return nameOf(c) == name })
	if !known && len(all.Consumers) >= consumers {
		return refusal{http.StatusForbidden, natsjs.JSErrCodeMaximumConsumersLimit, fmt.Sprintf("clients have %d consumers on %s, which is the most: delete one", len(all.Consumers), stream)}
	}
	return nil
}

// readConsumer reads a configuration and bounds it. What a client library sends of fields that
// may not be set is no harm as long as it says nothing.
func readConsumer(config json.RawMessage) (*clientConsumer, error) {
	var fields map[string]json.RawMessage
	if err := read(config, &fields); err != nil {
		return nil, err
	}
	for name, value := range fields {
		if slices.Contains(clientConsumerFields, name) {
			continue
		}
		if !empty(value) {
			return nil, invalid("%s cannot be set: event streams are read through plain pull consumers (in Go jetstream.New, or PullSubscribe)", name)
		}
		delete(fields, name)
	}
	known, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	c := new(clientConsumer)
	if err := read(known, c); err != nil {
		return nil, err
	}
	c.bound()
	return c, c.check()
}

func (c *clientConsumer) check() error {
	size := 0
	for name, value := range c.Metadata {
		size += len(name) + len(value)
	}
	filters := len(c.Filter)
	for _, filter := range c.Filters {
		filters += len(filter)
	}
	switch {
	case filters > mostFilter:
		return invalid("a consumer has at most %d bytes of filter subjects", mostFilter)
	case len(c.Filters) > mostFilters:
		return invalid("a consumer has at most %d filter subjects", mostFilters)
	case len(c.BackOff) > mostBackOff:
		return invalid("a consumer has at most %d pauses", mostBackOff)
	case size > mostMetadata:
		return invalid("a consumer has at most %d bytes of metadata", mostMetadata)
	case len(c.Description) > mostDescription:
		return invalid("a description has at most %d bytes", mostDescription)
	}
	return nil
}

func (c *clientConsumer) bound() {
	if c.MaxAckPending < 0 || c.MaxAckPending > ackPending {
		c.MaxAckPending = ackPending
	}
	c.MaxWaiting = min(max(c.MaxWaiting, 0), mostWaiting)
	if c.AckWait > 0 {
		c.AckWait = max(c.AckWait, leastAckWait)
	}
	for i := range c.BackOff {
		c.BackOff[i] = max(c.BackOff[i], leastAckWait)
	}
	if c.MaxExpires <= 0 || c.MaxExpires > longestPull {
		c.MaxExpires = longestPull
	}
}

// empty reports whether a JSON value says nothing.
func empty(value json.RawMessage) bool {
	switch string(bytes.TrimSpace(value)) {
	case "null", "false", "0", `""`, "[]", "{}":
		return true
	}
	return false
}

func checkConsumerName(name string) error {
	if name == "" || len(name) > mostName || strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}) {
		return invalid("%q is no name of a consumer: use letters, digits, - and _", name)
	}
	return nil
}
