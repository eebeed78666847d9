package dispatch

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/order"
	"github.com/hookspan/hookspan/bridge/signature"
	"github.com/hookspan/hookspan/bridge/transform"
)

// An outbound is how requests to one endpoint are made; it is compiled once per revision.
type outbound struct {
	ep      *endpoint.Endpoint
	url     string  // as it is sent and signed
	fixed   []fixed // headers that every request has
	signing []signing
	encrypt *signature.Encryption
	success func(status int) bool
	access  *delivery.Access
	hiding  hiding
	order   order.Rule
	size    int // events of a batch at the most; 0: no batches
	wait    time.Duration
	err     error // the endpoint's secrets or options do not serve: every attempt fails
}

// A fixed header: all requests share its value.
type fixed struct {
	name  string
	value []string
}

func (d *Dispatcher) outbound(ep *endpoint.Endpoint) *outbound {
	o := &outbound{ep: ep, url: ep.Address(), success: ep.SuccessOn.Has}
	for _, x := range ep.Headers {
		o.fixed = append(o.fixed, fixed{http.CanonicalHeaderKey(x.Name), []string{x.Value}})
	}
	o.fixed = append(o.fixed, authorization(&ep.Auth)...)
	o.fixed = append(o.fixed, fixed{"User-Agent", []string{d.conf.UserAgent}})
	if ep.Handshake {
		o.fixed = append(o.fixed, fixed{requestOrigin, []string{d.registry.Origin()}})
	}
	o.order, _ = order.Parse(string(ep.OrderKey)) // what is registered parses
	o.hiding = hidingOf(ep, o.url)
	o.signing, o.err = compileSigning(d.conf.Schemes, ep)
	if o.err == nil {
		o.encrypt, o.err = d.conf.Schemes.CompileEncryption(ep.Signature, ep.Options, ep.EncryptSecret.Open())
	}
	if o.err == nil && o.encrypt == nil {
		o.encrypt = o.signing[len(o.signing)-1].scheme.Encryption() // a provider's, with the newest secret
	}
	if o.err == nil {
		o.access, o.err = accessOf(ep)
	}
	if ep.Content == string(event.BatchContent) && o.err == nil {
		o.size, o.wait, o.err = ep.Batch()
	}
	return o
}

func (o *outbound) batched() bool { return o.size > 0 }

// batch is how many events make an attempt and how long the first of them waits for others.
func (o *outbound) batch() (int, time.Duration) { return o.size, o.wait }

// request is shaped of events as they are.
func (o *outbound) request(group []*pendingDelivery, now time.Time) (delivery.Request, error) {
	return o.shaped(group, nil, now)
}

// shaped makes the request of one attempt: content, as a transform made it where there is one,
// encryption, then the signature over what is sent.
func (o *outbound) shaped(group []*pendingDelivery, made *transform.Request, now time.Time) (delivery.Request, error) {
	if o.err != nil {
		return delivery.Request{}, fmt.Errorf("sign for endpoint %s: %w", o.ep.Name, o.err)
	}
	first := group[0]
	h := headers.Get().(http.Header)
	body, err := o.content(h, group, made)
	if err != nil {
		return delivery.Request{}, err
	}
	r := o.address(made)
	for _, x := range o.fixed {
		h[x.name] = x.value
	}
	name, id := first.ID, ""
	if o.batched() {
		ids := make([]string, len(group))
		for i, d := range group {
			ids[i] = messageID(d)
		}
		name, id = first.Batch, signature.BatchID(ids)
	} else {
		id = messageID(first)
	}
	which := []string{name, strconv.Itoa(first.Number)}
	h["Hookspan-Delivery"], h["Hookspan-Attempt"] = which[:1:1], which[1:]
	if first.Replay != "" {
		h["Hookspan-Replay"] = []string{first.Replay}
	}
	if reports(group) {
		h[delivery.ReportHeader] = []string{"true"}
	}
	if o.encrypt != nil {
		if body, err = o.encrypt.Encrypt(h, body); err != nil {
			return delivery.Request{}, err
		}
	}
	o.schemeAt(now).Sign(h, signature.Message{
		ID: id, Time: now, Delivery: name, Type: first.event.Type,
		Method: r.Verb(), URL: r.URL, Body: body,
	})
	r.Header, r.Body = h, body
	return r, nil
}

// messageID is the webhook-id of a delivery's event. One that is replayed as another event has one of
// its replay.
func messageID(d *pendingDelivery) string {
	if d.NewID {
		return signature.MessageID(d.event.Source, d.event.ID+" "+d.Replay)
	}
	return signature.MessageID(d.event.Source, d.event.ID)
}

// reports reports whether a request is of reports alone: of a batch, one mark is for all events.
func reports(group []*pendingDelivery) bool {
	return !slices.ContainsFunc(group, func(d *pendingDelivery) bool { return !delivery.IsReport(d.event) })
}

// address is where requests go, by which way, how they are let in, what counts as success,
// and how long they may take.
func (o *outbound) address(made *transform.Request) delivery.Request {
	method, url := "", o.url
	if made != nil {
		method, url = made.Method, endpoint.EncodeURL(made.Join(url))
	}
	return delivery.Request{Method: method, URL: url, Timeout: o.ep.Timeout, Proxy: o.ep.Proxy.Open(), Guarded: !o.ep.Managed(), Access: o.access, Success: o.success}
}

// headers are those of requests that have been made, for the next ones.
var headers = sync.Pool{New: func() any { return make(http.Header, 24) }}

// release gives a request's headers back once it has been made.
func release(r *delivery.Request) {
	clear(r.Header)
	headers.Put(r.Header)
}

// content writes the events in the endpoint's mode and sets the headers that belong to it.
func (o *outbound) content(h http.Header, group []*pendingDelivery, made *transform.Request) ([]byte, error) {
	var one [1]*event.Event
	events := one[:0]
	for _, d := range group {
		events = append(events, d.event)
	}
	if made != nil {
		e := *events[0]
		e.Data, e.DataContentType = made.Body, made.ContentType
		events[0] = &e
	}
	body := event.Body(event.Content(o.ep.Content), events, h)
	if made == nil || len(made.Headers) == 0 {
		return body, nil
	}
	if faults := endpoint.CheckHeaders(made.Headers); len(faults) > 0 {
		return nil, &forbiddenHeader{faults[0]}
	}
	for _, x := range made.Headers {
		h[http.CanonicalHeaderKey(x.Name)] = []string{x.Value}
	}
	return body, nil
}
