package listener_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/listener"
)

// A caller is a connection from an address that notes that it was closed.
type caller struct {
	net.Conn
	from   string
	closed bool
}

func (c *caller) RemoteAddr() net.Addr {
	a, err := net.ResolveTCPAddr("tcp", c.from)
	if err != nil {
		panic(err)
	}
	return a
}

func (c *caller) Close() error {
	c.closed = true
	return nil
}

// callers are a listener to which they come one after the other.
type callers []*caller

func (c *callers) Accept() (net.Conn, error) {
	next := (*c)[0]
	*c = (*c)[1:]
	return next, nil
}

func (*callers) Close() error   { return nil }
func (*callers) Addr() net.Addr { return &net.TCPAddr{} }

// Who has most connections loses the one that has waited longest; who has sent something genuine is
// the last to lose one, whatever others have.
func TestWhoHasToMakeRoom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		come    string // one letter for each sender's connection, upper case for a genuine one
		newcome string
		goes    int // its place in come
	}{
		"the oldest of who has most":       {"baaab", "c", 1},
		"of several, too":                  {"bccaaa", "d", 3},
		"the oldest where all have one":    {"abc", "d", 0},
		"never the genuine before others":  {"AAAb", "c", 3},
		"genuine ones where all are":       {"BAAA", "C", 1},
		"a newcomer of who has most stays": {"aaab", "a", 0},
	} {
		var all callers
		for i, letter := range c.come + c.newcome {
			all = append(all, &caller{from: "192.0.2." + string(rune('0'+strings.ToLower(string(letter))[0]-'a')) + ":" + string(rune('1'+i))})
		}
		came := all
		crowd := listener.NewCrowd(len(c.come), slog.New(slog.DiscardHandler), nil)
		l := crowd.Listen(&all)
		for _, letter := range c.come + c.newcome {
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if letter < 'a' {
				conn.(*listener.Guest).Hold()
				conn.(*listener.Guest).Let(true)
			}
		}
		for i, one := range came {
			if one.closed != (i == c.goes) {
				t.Errorf("%s: connection %d of %s%s closed %v, want number %d to go", name, i, c.come, c.newcome, one.closed, c.goes)
			}
		}
	}
}
