package client

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/sinks/jetstream"
)

// leastHeartbeat is how often a pull may have the server say that it is there. Without a bound
// one pull keeps the server busy, and acknowledgements to publishers wait behind what it says.
const leastHeartbeat = 500 * time.Millisecond

// A pull is what a client may ask of a consumer for its next messages.
type pull struct {
	Batch     int           `json:"batch,omitempty"`
	MaxBytes  int           `json:"max_bytes,omitempty"`
	NoWait    bool          `json:"no_wait,omitempty"`
	Expires   time.Duration `json:"expires,omitempty"`
	Heartbeat time.Duration `json:"idle_heartbeat,omitempty"`
}

// readPull takes either form of the request: JSON, or the number of messages.
func readPull(body []byte) (*pull, error) {
	p := &pull{Batch: 1}
	body = bytes.TrimSpace(body)
	if n, err := strconv.Atoi(string(body)); err == nil {
		p.Batch = n
		return p, nil
	}
	if err := read(body, p); err != nil {
		return nil, err
	}
	if p.Heartbeat > 0 && p.Heartbeat < leastHeartbeat {
		return nil, invalid("idle_heartbeat is %v, and has to be %v or more", p.Heartbeat, leastHeartbeat)
	}
	return p, nil
}

// pull asks a consumer for a client. The server answers where the client listens.
func (d *Desk) pull(seat int, m *nats.Msg) {
	consumer := strings.TrimPrefix(m.Subject, nextPrefix)
	stream, name, _ := strings.Cut(consumer, ".")
	to := d.replyTo(seat, m.Reply)
	if to == "" {
		return
	}
	if !slices.Contains(d.o.Streams, stream) || jetstream.OwnReader(name) || strings.ContainsAny(name, "*>") || !d.serves(seat, stream, name) {
		d.noResponders(to)
		return
	}
	p, err := readPull(m.Data)
	if err != nil {
		d.status(to, http.StatusBadRequest, "Bad Request - "+err.Error())
		return
	}
	body, err := json.Marshal(p)
	if err == nil {
		err = d.fronts[seat].PublishMsg(&nats.Msg{Subject: nextPrefix + consumer, Reply: to, Data: body})
	}
	if err != nil {
		d.noResponders(to)
	}
}

// serves reports whether there is a consumer. The server listens to all of its API, so it does not count
// who takes a pull; but who takes acknowledgements. A consumer without those is asked for what none serves.
func (d *Desk) serves(seat int, stream, name string) bool {
	if d.acknowledged(ackPrefix + stream + "." + name + ".1.1.1.1.1") {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), consumerSettles)
	defer cancel()
	_, err := d.fronts[seat].RequestWithContext(ctx, nextPrefix+stream+"."+name, []byte("{"))
	return err == nil
}

// acknowledged reports whether a consumer takes an acknowledgement.
func (d *Desk) acknowledged(subject string) bool {
	account := d.account()
	return account != nil && account.Interest(subject) > 0
}

// Acknowledgements that clients may give. That which asks for the next message at once is none of
// them: the message is asked for in a way that this cannot bound.
var (
	ackKinds = []string{"", "+ACK", "+WPI", "+TERM", "-NAK", "-TERM"}
	ackNext  = []byte("+NXT")
)

const mostAck = 1 << 10

// acknowledge passes on what a client says of a message that a consumer of clients brought.
func (d *Desk) acknowledge(seat int, m *nats.Msg) {
	tokens := strings.Split(strings.TrimPrefix(m.Subject, ackPrefix), ".")
	if len(tokens) < 2 || !slices.Contains(d.o.Streams, tokens[0]) || jetstream.OwnReader(tokens[1]) {
		return
	}
	to, data := d.replyTo(seat, m.Reply), m.Data
	if bytes.HasPrefix(data, ackNext) {
		d.status(to, http.StatusConflict, "+NXT is not offered: acknowledge and pull")
		to, data = "", []byte("+ACK")
	}
	kind, _, _ := strings.Cut(string(data[:min(len(data), mostAck)]), " ")
	if len(data) > mostAck || !slices.Contains(ackKinds, kind) {
		return // the server would take no notice
	}
	if to != "" && !d.acknowledged(m.Subject) {
		d.noResponders(to)
		return
	}
	_ = d.fronts[seat].PublishMsg(&nats.Msg{Subject: m.Subject, Reply: to, Data: data})
}
