package webhook

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// negotiate lets the server choose between HTTP/2 and HTTP/1.1. It uses the transport
// itself: no redirects, no cookies, no second error type that would quote the URL.
func (rt *route) negotiate(ctx context.Context, to *target, r *delivery.Request) (res delivery.Response) {
	asked := time.Now()
	use, err := rt.usage(ctx, to)
	if err != nil {
		return failed(ctx, 0, err)
	}
	waited := time.Since(asked)
	deadline := time.Now().Add(r.Timeout)
	limited, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	defer func() {
		use.tell(&res)
		res.Waited = waited
	}()
	reply, err := rt.first.RoundTrip(transportRequest(use.watch(limited), to, r))
	if err != nil && use.unheard() && closed(err) && ctx.Err() == nil {
		if !room(ctx, r, deadline) {
			return lost(ctx, failed(ctx, 0, err))
		}
		if use, err = rt.usage(limited, to); err != nil {
			use = new(usage)
			return failed(ctx, 0, err)
		}
		reply, err = rt.anew.RoundTrip(transportRequest(use.watch(limited), to, r))
	}
	if err != nil {
		return failed(ctx, 0, use.why(err))
	}
	defer reply.Body.Close()
	if reply.ProtoMajor == 1 {
		rt.http1.Store(to.address, time.Now())
	}
	a := answerOf(reply)
	a.body = inTime{limited, reply.Body}
	res, _ = read(ctx, r, a)
	return res
}

// inTime is a body whose end counts only while there is time: a server that sees us hang up may end
// its answer properly, and that may be read yet.
type inTime struct {
	limited context.Context
	body    io.Reader
}

func (t inTime) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	if err == io.EOF && t.limited.Err() != nil {
		err = t.limited.Err()
	}
	return n, err
}

func transportRequest(ctx context.Context, to *target, r *delivery.Request) *http.Request {
	req := (&http.Request{
		Method: r.Verb(), URL: to.url, Host: to.url.Host, Header: maps.Clone(r.Header), // it may be written still when we have returned
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(r.Body)), Body: http.NoBody,
	}).WithContext(ctx)
	if len(r.Body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(r.Body))
		// So that a connection which turns out to be closed costs another one, not the
		// attempt; the transport does that only while nothing was written.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.Body)), nil }
	}
	return req
}

// A usage is what the transport tells of the connection that carried a request, and of the one that
// it opened for it: they may be two, and the other one may be opened still when all is over.
type usage struct {
	trail trail
	found atomic.Pointer[carrier]
	first atomic.Int64 // nanoseconds from then to the first byte of the answer; 0: none came
	hints atomic.Int64 // answers with 1xx that came before it
	head  atomic.Int64 // bytes of them, about
	over  atomic.Pointer[error]
}

// A carrier is the connection that a request got.
type carrier struct {
	conn   *reached
	since  time.Time
	reused bool
}

// usage has a place for the connection that the request may need.
func (rt *route) usage(ctx context.Context, to *target) (*usage, error) {
	use := new(usage)
	if _, known := rt.keeps.Load(to.address); !known {
		rt.keeps.Store(to.address, nil)
	}
	for use.trail.place == nil {
		var err error
		if use.trail.place, err = rt.places.take(ctx, to.address, nil); err != nil {
			return nil, err
		}
	}
	return use, nil
}

// watch is a context for one request.
func (u *usage) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(u.trail.along(ctx), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			_, opened := beneath(info.Conn)
			u.found.Store(&carrier{opened, time.Now(), info.Reused})
			u.trail.place.free()
		},
		GotFirstResponseByte: func() {
			if c := u.found.Load(); c != nil {
				u.first.Store(max(int64(time.Since(c.since)), 1))
			}
		},
		Got1xxResponse: u.hint,
	})
}

// hint bounds what comes before the answer; the transport alone counts bytes, or nothing.
func (u *usage) hint(_ int, header textproto.MIMEHeader) error {
	size := int64(len("HTTP/1.1 102 \r\n\r\n"))
	for name, values := range header {
		for _, v := range values {
			size += int64(len(name) + len(": \r\n") + len(v))
		}
	}
	var err error
	switch {
	case u.hints.Add(1) > maxHints:
		err = errTooManyHints
	case u.head.Add(size) > maxHead:
		err = errHeadTooLong
	default:
		return nil
	}
	u.over.CompareAndSwap(nil, &err)
	return err
}

// why is the error of an attempt. Of one over HTTP/2 the transport tells that it broke off the answer, and
// not why.
func (u *usage) why(err error) error {
	if over := u.over.Load(); over != nil {
		return *over
	}
	return err
}

// unheard: the connection had served before, and no byte of an answer came.
func (u *usage) unheard() bool {
	c := u.found.Load()
	return c != nil && c.reused && u.first.Load() == 0
}

// tell says where the request went, and what its time went into.
func (u *usage) tell(res *delivery.Response) {
	u.trail.place.free()
	res.Address, res.Phases = u.trail.read()
	c := u.found.Load()
	if c == nil {
		return
	}
	res.Sent = true
	if res.Phases = (delivery.Phases{}); c.conn != nil {
		if res.Address = c.conn.address; c.conn.trail == &u.trail { // it was opened for this request
			res.Phases = c.conn.opening
		}
	}
	res.Phases.FirstByte = delivery.MicrosOf(time.Duration(u.first.Load()))
}
