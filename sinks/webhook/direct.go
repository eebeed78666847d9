package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/header"
)

const (
	maxHead  = 64 << 10 // of an answer, with all that is said before it (1xx)
	maxHints = 1000     // answers with 1xx in front of the real one
)

var (
	errHeadTooLong  = errors.New("the head of the answer is too long")
	errTooManyHints = errors.New("too many 1xx answers")
)

var writeBuffers = sync.Pool{New: func() any { return new([]byte) }}

// direct speaks HTTP/1.1 on connections of its own, in the goroutine of the attempt: one
// write, then reading. The transport of net/http costs half as much again, because it hands
// every request to one goroutine and takes every answer from another. Answers are parsed by
// net/http all the same, but for those that say next to nothing (readPlain).
type direct struct {
	dialer *dialer
	idle   idle
}

func newDirect(d *dialer) *direct {
	return &direct{dialer: d, idle: idle{places: d.places, conns: map[string][]*conn{}}}
}

// send makes one attempt. Its deadline is set on the connection; ctx is watched only so
// that a stop does not wait for it. Its time begins when there is a connection, or a place for one.
func (d *direct) send(ctx context.Context, to *target, r *delivery.Request) (res delivery.Response) {
	asked := time.Now()
	begun, again := asked, false
	defer func() { res.Waited = begun.Sub(asked) }()
	for {
		var pl *place
		if c := d.idle.take(to.address, begun); c == nil {
			var err error
			if pl, err = d.idle.places.take(ctx, to.address, func() bool { return d.idle.has(to.address) }); err != nil {
				return failed(ctx, 0, err)
			}
			if begun = time.Now(); pl == nil {
				continue
			}
		} else if res, again = d.reuse(ctx, c, to, r, begun.Add(r.Timeout)); !again {
			return res
		}
		return d.open(ctx, pl, to, r, begun.Add(r.Timeout))
	}
}

// reuse makes a request on a connection that has served before. again is true when it was lost
// with it, and may be sent once more.
func (d *direct) reuse(ctx context.Context, c *conn, to *target, r *delivery.Request, deadline time.Time) (res delivery.Response, again bool) {
	res, sent, heard := d.exchange(ctx, c, to, r, deadline)
	if res.Reason != delivery.ReasonClosed || heard {
		return res, false
	}
	if sent && !room(ctx, r, deadline) {
		return lost(ctx, res), false
	}
	return res, true
}

// open makes a request on a new connection, which takes the place, or the next one for nil.
func (d *direct) open(ctx context.Context, pl *place, to *target, r *delivery.Request, deadline time.Time) delivery.Response {
	for pl == nil { // a connection that is idle by now may be lost as well
		asked := time.Now()
		var err error
		if pl, err = d.idle.places.take(ctx, to.address, nil); err != nil {
			return failed(ctx, 0, err)
		}
		deadline = deadline.Add(time.Since(asked))
	}
	defer pl.free()
	t := trail{place: pl}
	c, err := d.dial(t.along(ctx), to, deadline)
	if err != nil {
		res := failed(ctx, 0, err)
		res.Address, res.Phases = t.read()
		return res
	}
	res, _, _ := d.exchange(ctx, c, to, r, deadline)
	return res
}

// exchange makes one request on a connection, and keeps it for others if it can.
func (d *direct) exchange(ctx context.Context, c *conn, to *target, r *delivery.Request, deadline time.Time) (res delivery.Response, sent, heard bool) {
	res, sent, again := c.attempt(ctx, to, r, deadline)
	if heard = c.heard(); again {
		d.idle.put(to.address, c)
	} else {
		c.Close()
	}
	return res, sent, heard
}

func (d *direct) dial(ctx context.Context, to *target, deadline time.Time) (*conn, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	raw, err := d.dialer.dial(ctx, "tcp", to.address)
	if err != nil {
		if !time.Now().Before(deadline) && !ofReason(err, delivery.ReasonProxy) {
			err = context.DeadlineExceeded // the attempt's time is over, not the dialler's
		}
		return nil, err
	}
	return newConn(raw), nil
}

// attempt writes the request and reads the answer. sent is false when nothing was written,
// again is true when the connection may be used for another request.
func (c *conn) attempt(ctx context.Context, to *target, r *delivery.Request, deadline time.Time) (res delivery.Response, sent, again bool) {
	c.left, c.first = maxHead, time.Time{}
	if err := c.SetDeadline(deadline); err != nil {
		return failed(ctx, 0, err), false, false
	}
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		again = stop() && again
		res.Sent = sent
		c.tell(&res)
	}()
	n, writeErr, err := c.write(to, r)
	if err != nil {
		return delivery.Response{Reason: delivery.ReasonProtocol, Detail: err.Error()}, false, true
	}
	if writeErr != nil && n == 0 {
		return failed(ctx, 0, writeErr), false, false
	}
	// A server may answer and close before it has read everything; its answer counts.
	a, err := c.readHead()
	if err != nil {
		if writeErr != nil {
			err = writeErr
		}
		return failed(ctx, 0, err), true, false
	}
	c.left = noLimit
	res, whole := read(ctx, r, a)
	return res, true, whole && writeErr == nil && !a.closes && c.reader.Buffered() == 0
}

// write sends the whole request at once. err is about the request itself, of which nothing
// was sent then.
func (c *conn) write(to *target, r *delivery.Request) (n int, writeErr, err error) {
	buf := writeBuffers.Get().(*[]byte)
	if *buf, err = compose((*buf)[:0], to, r); err == nil {
		n, writeErr = c.Write(*buf)
	}
	if cap(*buf) <= maxHead {
		writeBuffers.Put(buf)
	}
	return n, writeErr, err
}

// compose appends the request. What the connection itself decides is not taken from the
// request's headers.
func compose(w []byte, to *target, r *delivery.Request) ([]byte, error) {
	w = append(append(w, r.Verb()...), to.head...)
	w = strconv.AppendInt(w, int64(len(r.Body)), 10)
	w = append(w, "\r\n"...)
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Trailer", "Te", "Upgrade", "Expect":
			continue
		}
		if !header.ValidName(name) {
			return w, fmt.Errorf("the request has a header name that HTTP does not allow: %q", name)
		}
		for _, v := range values {
			if !header.ValidValue(v) {
				return w, fmt.Errorf("the request's header %s has a value that HTTP does not allow", name)
			}
			w = append(append(w, name...), ": "...)
			w = append(append(w, v...), "\r\n"...)
		}
	}
	w = append(w, "\r\n"...)
	return append(w, r.Body...), nil
}

// readHead reads up to the body of the answer, past what only announces it.
func (c *conn) readHead() (answer, error) {
	for range maxHints + 1 {
		if a, ok, err := readPlain(c.reader); ok || err != nil {
			return a, err
		}
		res, err := http.ReadResponse(c.reader, nil)
		if err != nil {
			return answer{}, err
		}
		if res.StatusCode >= 200 || res.StatusCode == http.StatusSwitchingProtocols {
			return answerOf(res), nil
		}
	}
	return answer{}, errTooManyHints
}
