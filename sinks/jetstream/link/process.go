package link

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Process is a server in this process.
type Process struct {
	Dial  func() (net.Conn, error)
	Token string // by which it lets us in
	Name  string // of the connection
}

const (
	firstWire  = 5 * time.Second      // how long the first connection may take
	redialWire = 5 * time.Millisecond // between tries while the server is away
	readWire   = 64 << 10             // more than an acknowledgement has
	fullWire   = 256 << 10            // with so much to be written, who publishes waits
	keptWire   = 4 << 20              // of what was written at once, what is kept for the next
	lineMost   = 4 << 10              // a longer line would end the connection of all
)

// A wire is a connection to a server in this process, for publishing alone. It speaks the NATS
// protocol itself, as far as that takes: a message is written once, behind those of others, and its
// acknowledgement is taken where it is read. The client library has a map of the headers, a lock
// that is held while others write, and a goroutine more on the way back. When the server goes
// away the wire comes back by itself; what is published meanwhile fails at once.
type wire struct {
	p     Process
	inbox string // with the last dot
	came  arrived
	lost  func()

	first   chan struct{} // closed by read, once it is up for the first time
	ending  chan struct{} // closed by close
	wake    chan struct{} // one slot; sent to when there is something to write, received by write
	running sync.WaitGroup

	mu      sync.Mutex
	taken   sync.Cond // told when what was pending is being written, when the wire is down, and when a wait is over
	conn    net.Conn  // nil while there is none
	up      bool
	closed  bool
	pending []byte
	most    int // bytes of a message
}

// newWire connects. What comes to the inbox is handed over, one at a time; the data is the wire's
// again when came returns. lost is called when the connection is.
func newWire(p Process, inbox string, came arrived, lost func()) (*wire, error) {
	w := &wire{
		p: p, inbox: inbox, came: came, lost: lost,
		first: make(chan struct{}), ending: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	w.taken.L = &w.mu
	w.running.Go(w.run)
	timer := time.NewTimer(firstWire)
	defer timer.Stop()
	select {
	case <-w.first:
		return w, nil
	case <-timer.C:
		_ = w.close() // it never fails
		return nil, fmt.Errorf("%w: the server in this process has not answered within %v", bus.ErrUnavailable, firstWire)
	}
}

func (w *wire) publish(ctx context.Context, m *Message, reply string) error {
	header := m.headerSize()
	if len(m.Subject)+len(reply)+lineMost/8 > lineMost {
		return fmt.Errorf("%w: its subject has %d bytes", bus.ErrTooLarge, len(m.Subject))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.room(ctx); err != nil {
		return err
	}
	switch {
	case !w.up:
		return errLost
	case header+len(m.Data) > w.most:
		return Unavailable(nats.ErrMaxPayload)
	}
	idle := len(w.pending) == 0
	w.pending = m.append(w.pending, reply, header)
	if idle {
		w.kick()
	}
	return nil
}

// room waits while too much is to be written: a server that does not read may go on so for longer
// than whoever publishes has time.
func (w *wire) room(ctx context.Context) error {
	full := func() bool { return w.up && len(w.pending) > fullWire }
	if !full() {
		return nil
	}
	defer context.AfterFunc(ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.taken.Broadcast()
	})()
	for full() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.taken.Wait()
	}
	return nil
}

// kick has write look whether there is something to write.
func (w *wire) kick() {
	select {
	case w.wake <- struct{}{}:
	default: // it is about to look
	}
}

// close may be called twice.
func (w *wire) close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.ending)
	}
	if w.conn != nil {
		_ = w.conn.Close() // a pipe
	}
	w.mu.Unlock()
	w.running.Wait()
	return nil
}

// run keeps a connection until close.
func (w *wire) run() {
	for {
		if conn, err := w.p.Dial(); err == nil {
			w.session(conn)
		}
		select {
		case <-w.ending:
			return
		case <-time.After(redialWire):
		}
	}
}

// session serves one connection until it ends.
func (w *wire) session(conn net.Conn) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		_ = conn.Close()
		return
	}
	w.conn = conn
	w.mu.Unlock()
	var writing sync.WaitGroup
	over := make(chan struct{})
	writing.Go(func() { w.write(conn, over) })
	_ = w.read(conn) // whatever it was, another connection is made
	w.mu.Lock()
	was := w.up
	w.conn, w.up, w.pending = nil, false, nil
	w.taken.Broadcast()
	w.mu.Unlock()
	_ = conn.Close()
	close(over)
	writing.Wait()
	if was {
		w.lost()
	}
}

// write writes what is pending, until the session is over.
func (w *wire) write(conn net.Conn, over <-chan struct{}) {
	var written []byte
	for {
		select {
		case <-w.wake:
		case <-over:
			return
		}
		for {
			if cap(written) > keptWire {
				written = nil
			}
			w.mu.Lock()
			if w.conn != conn {
				w.mu.Unlock()
				return
			}
			written, w.pending = w.pending, written[:0]
			w.taken.Broadcast()
			w.mu.Unlock()
			if len(written) == 0 {
				break
			}
			if _, err := conn.Write(written); err != nil {
				_ = conn.Close() // read ends then
				return
			}
		}
	}
}

// read takes what the server says, until the connection ends.
func (w *wire) read(conn net.Conn) error {
	in := bufio.NewReaderSize(conn, readWire)
	for greeted := false; ; {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		verb, rest, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(" "))
		switch string(verb) {
		case "MSG", "HMSG":
			err = w.message(in, rest, len(verb) > len("MSG"))
		case "INFO":
			err = w.greet(rest, greeted)
			greeted = true
		case "PING":
			w.queue("PONG\r\n")
		case "PONG":
			w.rise()
		}
		if err != nil {
			return err
		}
	}
}

// greet answers the first INFO of a connection, which others may follow.
func (w *wire) greet(said []byte, again bool) error {
	var info struct {
		MaxPayload int `json:"max_payload"`
	}
	if err := json.Unmarshal(said, &info); err != nil {
		return fmt.Errorf("read INFO: %w", err)
	}
	w.mu.Lock()
	w.most = info.MaxPayload
	w.mu.Unlock()
	if again {
		return nil
	}
	return w.hello()
}

// hello says who we are and asks for what comes to the inbox. The answer to PING comes after both.
func (w *wire) hello() error {
	who, err := json.Marshal(map[string]any{
		"verbose": false, "pedantic": false, "auth_token": w.p.Token, "name": w.p.Name, "lang": "go", "version": "1",
		"protocol": 1, "headers": true, "no_responders": true,
	})
	if err != nil {
		return fmt.Errorf("write CONNECT: %w", err)
	}
	w.queue(fmt.Sprintf("CONNECT %s\r\nSUB %s* 1\r\nPING\r\n", who, w.inbox))
	return nil
}

func (w *wire) queue(text string) {
	w.mu.Lock()
	w.pending = append(w.pending, text...)
	w.mu.Unlock()
	w.kick()
}

// rise lets messages through.
func (w *wire) rise() {
	w.mu.Lock()
	w.up = true
	w.mu.Unlock()
	select {
	case <-w.first:
	default:
		close(w.first)
	}
}

var errWire = errors.New("the server in this process says something else than the NATS protocol")

// message reads "subject sid [reply] [header] size" and what follows, and hands it over without
// its header: the server has nothing to tell us there but that nobody takes a subject, and then
// the rest is empty.
func (w *wire) message(in *bufio.Reader, line []byte, header bool) error {
	subject, rest, _ := bytes.Cut(line, []byte(" "))
	token, ours := bytes.CutPrefix(subject, []byte(w.inbox))
	t, known := readTicket(token) // now: reading on takes the line away
	rest, size, ok := lastNumber(rest)
	skip := 0
	if header && ok {
		_, skip, ok = lastNumber(rest)
	}
	if !ok || skip > size || size+len("\r\n") > readWire {
		return errWire
	}
	body, err := in.Peek(size + len("\r\n"))
	if err != nil {
		return err
	}
	if ours && known {
		w.came(t, body[skip:size])
	}
	_, err = in.Discard(len(body))
	return err
}

// lastNumber takes the last word of a line, which is a number.
func lastNumber(line []byte) (rest []byte, n int, ok bool) {
	i := bytes.LastIndexByte(line, ' ')
	n, err := strconv.Atoi(string(line[i+1:]))
	return line[:max(i, 0)], n, err == nil && n >= 0
}
