package webhook_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hookspan/hookspan/bridge/setting"
)

// A relay is a proxy: by CONNECT, or SOCKS 5.
type relay struct {
	scheme   string
	login    string            // user:password; "": it wants none
	leads    map[string]string // where names lead that it alone resolves
	certs    *tls.Config       // of an https proxy
	instead  func(net.Conn)    // of whatever it would do
	refuses  int               // a status, or a reply of SOCKS; 0: it connects
	trailing string            // sent behind the answer

	address string
	mu      sync.Mutex
	asked   []string
}

func (r *relay) start(t *testing.T) *relay {
	t.Helper()
	r.address = net.JoinHostPort("127.0.0.1", listen(t, "127.0.0.1:0", func(c net.Conn) {
		if r.certs != nil {
			c = tls.Server(c, r.certs)
		}
		switch {
		case r.instead != nil:
			r.instead(c)
		case r.scheme == "socks5":
			r.socks(c)
		default:
			r.connect(c)
		}
	}))
	return r
}

// url is the relay's, with a login where one is given.
func (r *relay) url(login string) setting.Proxy {
	if login != "" {
		login += "@"
	}
	return setting.Proxy(r.scheme + "://" + login + r.address)
}

func (r *relay) targets() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

// onward connects to where it was asked for.
func (r *relay) onward(to string) (net.Conn, error) {
	r.mu.Lock()
	r.asked = append(r.asked, to)
	r.mu.Unlock()
	host, port, _ := net.SplitHostPort(to)
	if lead, named := r.leads[host]; named {
		to = net.JoinHostPort(lead, port)
	}
	return net.Dial("tcp", to)
}

// join copies both ways until one side ends.
func join(client net.Conn, from io.Reader, server net.Conn) {
	go func() {
		io.Copy(server, from)
		server.Close()
	}()
	io.Copy(client, server)
}

func (r *relay) connect(c net.Conn) {
	reader := bufio.NewReader(c)
	req, err := http.ReadRequest(reader)
	if err != nil || req.Method != http.MethodConnect || req.Host != req.RequestURI {
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		return
	}
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte(r.login)); r.login != "" && req.Header.Get("Proxy-Authorization") != want {
		io.WriteString(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 6\r\n\r\ncanary")
		return
	}
	if r.refuses != 0 {
		io.WriteString(c, "HTTP/1.1 "+strconv.Itoa(r.refuses)+" canary\r\nContent-Length: 0\r\n\r\n")
		return
	}
	server, err := r.onward(req.RequestURI)
	if err != nil {
		io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	defer server.Close()
	io.WriteString(c, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 Connection established\r\nX-By: canary\r\n\r\n"+r.trailing)
	join(c, reader, server)
}

func (r *relay) socks(c net.Conn) {
	take := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(c, b); err != nil {
			c.Close()
		}
		return b
	}
	methods := take(int(take(2)[1]))
	want := byte(0)
	if r.login != "" {
		want = 2
	}
	if !slices.Contains(methods, want) {
		c.Write([]byte{5, 0xff})
		return
	}
	c.Write([]byte{5, want})
	if want == 2 {
		user := take(int(take(2)[1]))
		password := take(int(take(1)[0]))
		if string(user)+":"+string(password) != r.login {
			c.Write([]byte{1, 1})
			return
		}
		c.Write([]byte{1, 0})
	}
	var host string
	switch head := take(4); head[3] {
	case 1, 4:
		addr, _ := netip.AddrFromSlice(take(map[byte]int{1: 4, 4: 16}[head[3]]))
		host = addr.String()
	case 3:
		host = string(take(int(take(1)[0])))
	}
	to := net.JoinHostPort(host, strconv.Itoa(int(binary.BigEndian.Uint16(take(2)))))
	if r.refuses != 0 {
		c.Write([]byte{5, byte(r.refuses), 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	server, err := r.onward(to)
	if err != nil {
		c.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	defer server.Close()
	name := "bound.example" // the form of the answer that has to be read to its very end
	c.Write(append(append([]byte{5, 0, 0, 3, byte(len(name))}, name...), 0, 80))
	join(c, c, server)
}

func withoutPort(addresses []string) string {
	var hosts []string
	for _, a := range addresses {
		host, _, _ := net.SplitHostPort(a)
		hosts = append(hosts, host)
	}
	return strings.Join(hosts, " ")
}
