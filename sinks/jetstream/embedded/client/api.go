package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/sinks/jetstream"
)

// deskTimeout bounds one request on behalf of a client.
const deskTimeout = 5 * time.Second

// A verb is what a client may ask about an event stream.
type verb struct {
	begin string // of the request, in front of the stream's name
	serve func(d *Desk, ctx context.Context, r request) (json.RawMessage, error)
}

// A request is about an event stream, and the consumer or whatever else is named behind it.
type request struct {
	verb         string // as in verbs
	stream, rest string
	body         []byte
}

// verbs are all of them: what is not here is refused.
var verbs = []verb{
	{"STREAM.INFO.", (*Desk).streamInfo},
	{"STREAM.MSG.GET.", (*Desk).message},
	{"CONSUMER.CREATE.", (*Desk).createConsumer},
	{"CONSUMER.DURABLE.CREATE.", (*Desk).createConsumer},
	{"CONSUMER.NAMES.", (*Desk).consumers},
	{"CONSUMER.LIST.", (*Desk).consumers},
	{"CONSUMER.INFO.", (*Desk).onConsumer},
	{"CONSUMER.DELETE.", (*Desk).onConsumer},
	{"CONSUMER.PAUSE.", (*Desk).pauseConsumer},
}

// A refusal is an answer that the desk gives by itself.
type refusal struct {
	code    int
	errCode natsjs.ErrorCode // by which client libraries know what it is; 0: nothing that they know
	text    string
}

func (r refusal) Error() string { return r.text }

func forbidden(format string, v ...any) error {
	return refusal{code: http.StatusForbidden, text: fmt.Sprintf(format, v...)}
}

func invalid(format string, v ...any) error {
	return refusal{code: http.StatusBadRequest, text: fmt.Sprintf(format, v...)}
}

func unavailable(text string) error { return refusal{code: http.StatusServiceUnavailable, text: text} }

// As JetStream says it.
var (
	errNoConsumer = refusal{http.StatusNotFound, natsjs.JSErrCodeConsumerNotFound, "consumer not found"}
	errNoStream   = refusal{http.StatusNotFound, natsjs.JSErrCodeStreamNotFound, "stream not found"}
)

func (d *Desk) serve(ctx context.Context, m *nats.Msg) {
	ctx, cancel := context.WithTimeout(ctx, deskTimeout)
	defer cancel()
	answer, err := d.dispatch(ctx, m.Subject, m.Data)
	if most := int(d.events.nc.MaxPayload()); err == nil && len(answer) > most {
		err = forbidden("the answer has more than %d bytes: ask for less", most)
	}
	var no refusal
	switch {
	case err == nil:
		d.answer(m.Reply, answer)
	case errors.As(err, &no) && strings.HasPrefix(m.Subject, directGet):
		d.status(m.Reply, no.code, no.text)
	case errors.As(err, &no):
		d.refuse(m.Reply, no)
	case context.Cause(ctx) != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded): // the end
		d.refuse(m.Reply, refusal{code: http.StatusServiceUnavailable, text: "the embedded bus is not there"})
	default:
		d.o.Log.Warn("a request of a NATS client was not answered", "topic", m.Subject, "error", err)
		d.refuse(m.Reply, refusal{code: http.StatusServiceUnavailable, text: "the embedded bus does not answer now"})
	}
}

// directGet begins requests that are answered with a message.
const directGet = "DIRECT.GET."

func (d *Desk) dispatch(ctx context.Context, subject string, body []byte) (json.RawMessage, error) {
	switch subject {
	case "INFO":
		return d.accountInfo(ctx)
	case "STREAM.NAMES", "STREAM.LIST":
		return d.streams(ctx, subject, body)
	}
	for _, v := range verbs {
		if rest, ok := strings.CutPrefix(subject, v.begin); ok {
			r := request{verb: v.begin, body: body}
			r.stream, r.rest, _ = strings.Cut(rest, ".")
			if !slices.Contains(d.o.Streams, r.stream) {
				return nil, errNoStream
			}
			return v.serve(d, ctx, r)
		}
	}
	return nil, forbidden("%s: clients have no streams of their own and change none: they publish to event topics, look at %s, and read it through pull consumers", shortened(subject), d.o.Stream)
}

// shortened keeps what a client says from becoming longer than what is said of it.
func shortened(subject string) string {
	if len(subject) > mostName {
		return strings.ToValidUTF8(subject[:mostName], "") + "…"
	}
	return subject
}

// ask asks JetStream in the account of events.
func (d *Desk) ask(ctx context.Context, subject string, body any) (json.RawMessage, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	m, err := d.asks.RequestWithContext(ctx, apiPrefix+subject, data)
	if err != nil {
		return nil, fmt.Errorf("ask JetStream for %s: %w", subject, err)
	}
	return m.Data, nil
}

// read reads what a client asks for; an empty body asks for nothing in particular.
func read(body []byte, into any) error {
	if len(body) == 0 {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return invalid("the request is no JSON of the form that JetStream's API has: %v", err)
	}
	return nil
}

// accountInfo is what clients have together, and may: no streams. The mark is for those that want a
// whole account.
func (d *Desk) accountInfo(ctx context.Context) (json.RawMessage, error) {
	theirs := 0
	for _, stream := range d.o.Streams {
		all, err := d.consumersOf(ctx, "CONSUMER.NAMES."+stream)
		var no refusal
		if err != nil && !errors.As(err, &no) {
			return nil, err
		}
		theirs += len(all.Consumers)
	}
	return json.Marshal(map[string]any{
		"type":   "io.nats.jetstream.api.v1.account_info_response",
		"memory": 0, "storage": 0, "reserved_memory": 0, "reserved_storage": 0, "streams": 0, "consumers": theirs,
		"limits": natsjs.AccountLimits{MaxConsumers: consumers * len(d.o.Streams), MaxAckPending: ackPending},
		"api":    map[string]int{"level": server.JSApiLevel, "total": 0, "errors": 0, "inflight": 0}, jetstream.MarkOfClients: true,
	})
}

func (d *Desk) streamInfo(ctx context.Context, r request) (json.RawMessage, error) {
	var what struct {
		Offset  int    `json:"offset,omitempty"`
		Filter  string `json:"subjects_filter,omitempty"`
		Deleted bool   `json:"deleted_details,omitempty"`
	}
	if err := read(r.body, &what); err != nil {
		return nil, err
	}
	return d.ask(ctx, "STREAM.INFO."+r.stream, what)
}

func (d *Desk) message(ctx context.Context, r request) (json.RawMessage, error) {
	var which struct {
		Seq  uint64     `json:"seq,omitempty"`
		Last string     `json:"last_by_subj,omitempty"`
		Next string     `json:"next_by_subj,omitempty"`
		From *time.Time `json:"start_time,omitempty"`
	}
	if err := read(r.body, &which); err != nil {
		return nil, err
	}
	return d.ask(ctx, "STREAM.MSG.GET."+r.stream, which)
}

// A page is an answer that lists something.
type page struct {
	Type      string            `json:"type"`
	Total     int               `json:"total"`
	Offset    int               `json:"offset"`
	Limit     int               `json:"limit"`
	Consumers []json.RawMessage `json:"consumers"`
	Error     *apiError         `json:"error,omitempty"`
}

// streams lists the event streams: those that lie in their account are all that clients see.
func (d *Desk) streams(ctx context.Context, subject string, body []byte) (json.RawMessage, error) {
	var which struct {
		Offset  int    `json:"offset"`
		Subject string `json:"subject,omitempty"`
	}
	if err := read(body, &which); err != nil {
		return nil, err
	}
	which.Offset = max(which.Offset, 0)
	return d.ask(ctx, subject, which)
}

func (d *Desk) page(ctx context.Context, subject string, which any, into *page) error {
	answer, err := d.ask(ctx, subject, which)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// consumers lists those of clients: the readers of our own are none of their business.
func (d *Desk) consumers(ctx context.Context, r request) (json.RawMessage, error) {
	var which struct {
		Offset int `json:"offset"`
	}
	if err := read(r.body, &which); err != nil {
		return nil, err
	}
	all, err := d.consumersOf(ctx, r.verb+r.stream)
	if err != nil {
		return nil, err
	}
	from := min(max(which.Offset, 0), len(all.Consumers))
	all.Total, all.Offset = len(all.Consumers), from
	all.Consumers = all.Consumers[from:]
	return json.Marshal(all)
}

// consumersOf reads all pages and leaves out what is not a client's.
func (d *Desk) consumersOf(ctx context.Context, subject string) (page, error) {
	var all page
	for offset := 0; ; {
		var p page
		if err := d.page(ctx, subject, map[string]int{"offset": offset}, &p); err != nil {
			return page{}, err
		}
		if p.Error != nil {
			return page{}, refusal{p.Error.Code, p.Error.ErrCode, p.Error.Description}
		}
		for _, c := range p.Consumers {
			if !jetstream.OwnReader(nameOf(c)) {
				all.Consumers = append(all.Consumers, c)
			}
		}
		all.Type, all.Limit = p.Type, p.Limit
		if offset += len(p.Consumers); len(p.Consumers) == 0 || offset >= p.Total {
			return all, nil
		}
	}
}

// nameOf is the name of a consumer in either kind of list.
func nameOf(c json.RawMessage) string {
	var name string
	if json.Unmarshal(c, &name) == nil {
		return name
	}
	var info struct {
		Name string `json:"name"`
	}
	_ = json.Unmarshal(c, &info)
	return info.Name
}

// onConsumer asks about or ends a consumer of a client.
func (d *Desk) onConsumer(ctx context.Context, r request) (json.RawMessage, error) {
	if err := clients(r.rest); err != nil {
		return nil, err
	}
	return d.ask(ctx, r.verb+r.stream+"."+r.rest, struct{}{})
}

func (d *Desk) pauseConsumer(ctx context.Context, r request) (json.RawMessage, error) {
	if err := clients(r.rest); err != nil {
		return nil, err
	}
	var until struct {
		PauseUntil *time.Time `json:"pause_until,omitempty"`
	}
	if err := read(r.body, &until); err != nil {
		return nil, err
	}
	return d.ask(ctx, r.verb+r.stream+"."+r.rest, until)
}

// clients is nil when a consumer may be a client's.
func clients(name string) error {
	if jetstream.OwnReader(name) {
		return errNoConsumer
	}
	return checkConsumerName(name)
}
