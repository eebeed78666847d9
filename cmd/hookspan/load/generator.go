// Package load makes HTTP requests as cheaply as one machine can, so that a benchmark measures
// the server and not its client: raw keep-alive connections, a request that is built once, no
// allocation per request.
package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A Request is what every connection sends again and again. Before each send its IDs are
// replaced by a number that no other request of the Counter has, in hexadecimal, and it is
// signed anew, because a receiver knows a body that it has seen.
type Request struct {
	Address string // host:port
	wire    []byte // head and body
	body    int    // where the body begins
	ids     []int  // where the id stands: in a header, and in the body where it holds ID
	signing *Signing
	at      int // where the signature stands
}

// A Signing says how a request is signed. New returns a function that writes the signature of a
// body over dst; one connection uses it, and it should not allocate.
type Signing struct {
	Header, Prefix string
	Length         int // of the signature as it is written
	New            func() func(dst, body []byte)
}

// IDLength is how many digits an id has.
const IDLength = 16

// ID stands for the id in a body.
const ID = "0123456789abcdef"

// NewRequest builds a POST. The header whose name is idHeader gets the id as its value. A nil
// signing leaves the request as it is.
func NewRequest(address, path, idHeader string, header http.Header, body []byte, signing *Signing) Request {
	r := Request{Address: address, signing: signing}
	var wire bytes.Buffer
	fmt.Fprintf(&wire, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", path, address, len(body))
	_ = header.Write(&wire) // to memory
	if signing != nil {
		fmt.Fprintf(&wire, "%s: %s", signing.Header, signing.Prefix)
		r.at = wire.Len()
		fmt.Fprintf(&wire, "%0*d\r\n", signing.Length, 0)
	}
	fmt.Fprintf(&wire, "%s: ", idHeader)
	r.ids = append(r.ids, wire.Len())
	fmt.Fprintf(&wire, "%s\r\n\r\n", ID)
	r.body = wire.Len()
	if i := bytes.Index(body, []byte(ID)); i >= 0 {
		r.ids = append(r.ids, r.body+i)
	}
	wire.Write(body)
	r.wire = wire.Bytes()
	return r
}

// number gives the request on the wire its id, and signs it.
func (r *Request) number(wire []byte, id uint64, sign func(dst, body []byte)) {
	for _, at := range r.ids {
		writeHex(wire[at:at+IDLength], id)
	}
	if sign != nil {
		sign(wire[r.at:r.at+r.signing.Length], wire[r.body:])
	}
}

// A Run is one stretch of load.
type Run struct {
	Connections int
	Requests    int64         // stop after so many; 0 is no limit
	Duration    time.Duration // stop after so long; 0 is no limit
	Counter     *atomic.Int64 // numbers the ids; shared by the runs against one server
}

// A Result is what a run measured.
type Result struct {
	Done     int64 // requests that were answered 200
	Elapsed  time.Duration
	Latency  Histogram
	Refused  int64 // answers with another status
	LastCode int   // of the last such answer
}

// Do sends requests over the connections of the run until it ends, and returns what it
// measured. A connection that breaks ends the run with its error.
func Do(ctx context.Context, run Run, request Request) (*Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var left atomic.Int64
	left.Store(run.Requests)

	lines := make([]*line, run.Connections)
	for i := range lines {
		l, err := dial(ctx, request)
		if err != nil {
			closeAll(lines)
			return nil, err
		}
		lines[i] = l
	}
	defer closeAll(lines)

	began := time.Now()
	over := func() bool { return run.Duration > 0 && time.Since(began) >= run.Duration }
	take := func() bool {
		return ctx.Err() == nil && !over() && (run.Requests == 0 || left.Add(-1) >= 0)
	}
	errs := make([]error, len(lines))
	var running sync.WaitGroup
	for i, l := range lines {
		running.Go(func() {
			if errs[i] = l.work(take, run.Counter); errs[i] != nil {
				cancel()
			}
		})
	}
	running.Wait()
	result := &Result{Elapsed: time.Since(began)}
	for _, l := range lines {
		result.Latency.Merge(&l.latency)
		result.Refused += l.refused
		result.LastCode = max(result.LastCode, l.lastCode)
	}
	result.Done = result.Latency.Count()
	return result, errors.Join(errs...)
}

// A line is one connection and what it measured.
type line struct {
	conn     net.Conn
	in       *bufio.Reader
	request  *Request
	wire     []byte // the whole request, with the id of this send
	sign     func(dst, body []byte)
	latency  Histogram
	refused  int64
	lastCode int
}

func dial(ctx context.Context, r Request) (*line, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", r.Address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	l := &line{conn: conn, in: bufio.NewReader(conn), request: &r, wire: bytes.Clone(r.wire)}
	if r.signing != nil {
		l.sign = r.signing.New()
	}
	return l, nil
}

func closeAll(lines []*line) {
	for _, l := range lines {
		if l != nil {
			_ = l.conn.Close() // whatever was to be read has been read
		}
	}
}

// answerTime is how long a single answer may take before the run is given up.
const answerTime = 30 * time.Second

// work sends requests while take allows it.
func (l *line) work(take func() bool, counter *atomic.Int64) error {
	for take() {
		l.request.number(l.wire, uint64(counter.Add(1)), l.sign)
		began := time.Now()
		if err := l.conn.SetDeadline(began.Add(answerTime)); err != nil {
			return fmt.Errorf("set a deadline: %w", err)
		}
		if _, err := l.conn.Write(l.wire); err != nil {
			return fmt.Errorf("send: %w", err)
		}
		code, err := readAnswer(l.in)
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		if code == http.StatusOK {
			l.latency.Record(time.Since(began))
			continue
		}
		l.refused++
		l.lastCode = code
	}
	return nil
}

func writeHex(digits []byte, n uint64) {
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = ID[n&15]
		n >>= 4
	}
}

var (
	errAnswer     = errors.New("not an HTTP/1.1 answer with a length")
	lengthPrefix  = []byte("content-length:")
	chunkedHeader = []byte("transfer-encoding:")
)

// readAnswer reads one answer with a Content-Length (or none: then it has no body).
func readAnswer(in *bufio.Reader) (code int, err error) {
	status, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(status) < 12 || !bytes.HasPrefix(status, []byte("HTTP/1.1 ")) {
		return 0, errAnswer
	}
	if code, err = strconv.Atoi(string(status[9:12])); err != nil {
		return 0, errAnswer
	}
	length := 0
	for {
		field, err := in.ReadSlice('\n')
		switch {
		case err != nil:
			return 0, err
		case len(field) <= 2:
			_, err := in.Discard(length)
			return code, err
		case hasFold(field, chunkedHeader):
			return 0, errAnswer
		case hasFold(field, lengthPrefix):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(field[len(lengthPrefix):]))); err != nil || length < 0 {
				return 0, errAnswer
			}
		}
	}
}

func hasFold(line, prefix []byte) bool {
	return len(line) >= len(prefix) && bytes.EqualFold(line[:len(prefix)], prefix)
}
