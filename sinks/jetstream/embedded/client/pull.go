package client

import (
	"bytes"
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
	account := d.account()
	if !slices.Contains(d.o.Streams, stream) || jetstream.OwnReader(name) || account == nil || account.Interest(m.Subject) == 0 {
		d.status(to, http.StatusServiceUnavailable, "No Responders")
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
		d.status(to, http.StatusServiceUnavailable, "No Responders")
	}
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
	_ = d.fronts[seat].PublishMsg(&nats.Msg{Subject: m.Subject, Reply: to, Data: data})
}

// status answers a pull with what is not a message.
func (d *Desk) status(to string, code int, text string) {
	d.answer(to, nats.Header{"Status": {strconv.Itoa(code)}, "Description": {text}}, nil)
}
