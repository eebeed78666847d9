package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// crowdTime is how long what is honest may take beside a crowd.
const crowdTime = 2 * time.Minute

// measure has a crowd press, and then webhooks sent, delivered and the API asked.
func (m *crowd) measure(ctx context.Context, t *cli.Terminal, home *benchHome, p *hostilePlan, press func(context.Context, *child, *hostilePlan) (func(), error)) error {
	home.environ = append(home.environ, "HOOKSPAN_LOG_LEVEL=error")
	c, err := p.start(ctx, t, home)
	if err != nil {
		return err
	}
	defer c.end()
	receiver, err := startReceiver(ctx, t)
	if err != nil {
		return err
	}
	defer receiver.stop()
	if _, err := c.api.register(ctx, map[string]any{"name": "healthy", "url": receiver.url + "/1"}); err != nil {
		return err
	}
	stop, err := press(ctx, c, p)
	if err != nil {
		return err
	}
	defer stop()
	counting, enough := context.WithCancel(ctx)
	var counted sync.WaitGroup
	counted.Go(func() { m.Files = mostFiles(counting, c.cmd.Process.Pid) })
	began := time.Now()
	m.be(ctx, c, receiver)
	m.Seconds = time.Since(began).Seconds()
	enough()
	counted.Wait()
	return nil
}

// be sends what is honest, one after the other, and asks the API in between.
func (m *crowd) be(ctx context.Context, c *child, receiver *receiverProcess) {
	ctx, cancel := context.WithTimeout(ctx, crowdTime)
	defer cancel()
	for i := range honest {
		began := time.Now()
		if status := webhook(ctx, c.intake, benchBody(), false, fmt.Sprintf("honest-%d", i)); status/100 == 2 {
			m.Taken++
		}
		m.Slowest = max(m.Slowest, milliseconds(time.Since(began)))
		began = time.Now()
		if c.api.Call(ctx, http.MethodGet, "/v1/stats", nil, nil, nil) == nil && c.api.Call(ctx, http.MethodGet, "/readyz", nil, nil, nil) == nil {
			m.Answered++
		}
		m.Slowest = max(m.Slowest, milliseconds(time.Since(began)))
		select { // what is sent spreads over the time in which endpoints hang
		case <-ctx.Done():
			return
		case <-time.After(250 * time.Millisecond):
		}
	}
	for ctx.Err() == nil {
		a, err := receiver.arrived(ctx, 1)
		if err == nil {
			m.Delivered = int(a.Count)
		}
		if m.Delivered >= m.Taken {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// halfOpen leaves connections open on which the front of a request has come.
func halfOpen(ctx context.Context, c *child, p *hostilePlan) (stop func(), err error) {
	var conns []net.Conn
	stop = func() {
		for _, conn := range conns {
			_ = conn.Close()
		}
	}
	var d net.Dialer
	for range p.count {
		conn, err := d.DialContext(ctx, "tcp", address(c.intake))
		if err != nil {
			stop()
			return nil, fmt.Errorf("open a connection: %w", err)
		}
		conns = append(conns, conn)
		_, _ = io.WriteString(conn, "POST /webhooks/bench HTTP/1.1\r\nHost: h\r\n") // it may be closed already
	}
	return stop, nil
}

// hangingEndpoints registers endpoints that take connections and never answer, each at an address of
// its own.
func hangingEndpoints(ctx context.Context, c *child, p *hostilePlan) (stop func(), err error) {
	var listeners []net.Listener
	var all sync.WaitGroup
	stop = func() {
		for _, l := range listeners {
			_ = l.Close()
		}
		all.Wait()
	}
	for i := range p.count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			stop()
			return nil, fmt.Errorf("listen: %w", err)
		}
		listeners = append(listeners, l)
		all.Go(func() { hang(l) })
		if _, err := c.api.register(ctx, map[string]any{"name": "hangs-" + strconv.Itoa(i), "url": "http://" + l.Addr().String() + "/", "timeout": p.timeout.String()}); err != nil {
			stop()
			return nil, err
		}
	}
	return stop, nil
}

// hang takes connections and says nothing, until the listener is closed.
func hang(l net.Listener) {
	var all sync.WaitGroup
	defer all.Wait()
	ended := make(chan struct{}) // closed with the listener
	defer close(ended)
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			go func() { <-ended; _ = conn.Close() }()
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		})
	}
}

// mostFiles is the most files that a process had open until ctx ended, where /proc tells.
func mostFiles(ctx context.Context, pid int) (most int) {
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if entries, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd"); err == nil {
			most = max(most, len(entries))
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return most
		case <-tick.C:
		}
	}
}
