package proxytest_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/hookspan/hookspan/sinks/porttest"
	"github.com/hookspan/hookspan/sinks/proxytest"
)

// echoing is the address of a server that says what it hears.
func echoing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }()
		}
	}()
	return l.Addr().String()
}

func connect(t *testing.T, p *proxytest.Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// heard says something and returns what comes back.
func heard(t *testing.T, c net.Conn, wait time.Duration) error {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("word")); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 4))
	return err
}

func TestAProxyCutsAndMends(t *testing.T) {
	t.Parallel()
	const long = 30 * time.Second
	p := proxytest.Start(t, echoing(t))
	old, unused := connect(t, p), connect(t, p)
	for _, c := range []net.Conn{old, unused} {
		if err := heard(t, c, long); err != nil {
			t.Fatal(err)
		}
	}
	p.Cut(proxytest.Silent)
	for name, c := range map[string]net.Conn{"old": old, "new": connect(t, p)} {
		if err := heard(t, c, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s connection while all is silent: %v", name, err)
		}
	}
	p.Mend()
	if err := heard(t, old, long); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a connection that lost something: %v, want an end", err)
	}
	for name, c := range map[string]net.Conn{"unused": unused, "new": connect(t, p)} {
		if err := heard(t, c, long); err != nil {
			t.Errorf("%s connection after all was mended: %v", name, err)
		}
	}
	p.Cut(proxytest.Reset)
	if err := heard(t, unused, long); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		t.Errorf("a connection that breaks: %v", err)
	}
}

func TestAProxyWithoutAServerHangsUp(t *testing.T) {
	t.Parallel()
	nobody := porttest.Addresses(t, 1)[0]
	if err := heard(t, connect(t, proxytest.Start(t, nobody)), 30*time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("in front of nobody: %v, want an end", err)
	}
}
