package webhook_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

const (
	noError  = 0
	servFail = 2
	nxDomain = 3
	silence  = -1
)

// nameServer is a DNS server that answers A queries with what answer returns.
func nameServer(t *testing.T, answer func(query int) (code int, addrs []string)) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf, queries := make([]byte, 512), 0
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			code, addrs := noError, []string(nil)
			if isA := buf[n-3] == 1 || !strings.Contains(string(buf[:n]), "\x00\x00\x1c\x00\x01"); isA {
				code, addrs = answer(queries)
				queries++
			}
			if code != silence {
				conn.WriteTo(reply(buf[:n], code, addrs), from)
			}
		}
	}()
	done, end := context.WithCancel(context.Background())
	t.Cleanup(end)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, "udp", conn.LocalAddr().String())
		if err == nil {
			context.AfterFunc(done, func() { c.Close() }) // an abandoned look-up would go on
		}
		return c, err
	}}
}

// nowhere resolves nothing, at once.
func nowhere() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, net.ErrClosed
	}}
}

// reply copies the question and adds A records.
func reply(query []byte, code int, addrs []string) []byte {
	end := 12
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	out := append([]byte(nil), query[:end+5]...)
	out[2], out[3] = 0x81, 0x80|byte(code)
	binary.BigEndian.PutUint16(out[6:], uint16(len(addrs)))
	binary.BigEndian.PutUint32(out[8:], 0)
	for _, a := range addrs {
		ip := netip.MustParseAddr(a).As4()
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, ip[:]...)
	}
	return out
}

func TestNames(t *testing.T) {
	t.Parallel()
	port := listen(t, "127.0.0.1:0", func(c net.Conn) { answerOK(c) })
	for _, c := range []struct {
		name           string
		code           int
		addrs          []string
		warning, error bool // of Check
		reason         delivery.Reason
	}{
		{"allowed", noError, []string{"127.0.0.1"}, false, false, ""},
		{"does not exist", nxDomain, nil, true, false, delivery.ReasonDNS},
		{"server failure", servFail, nil, true, false, delivery.ReasonDNS},
		{"no address", noError, nil, true, false, delivery.ReasonDNS},
		{"private", noError, []string{"10.0.0.1"}, false, true, delivery.ReasonEgressDenied},
		{"metadata", noError, []string{"169.254.169.254"}, false, true, delivery.ReasonEgressDenied},
		{"one of many allowed", noError, []string{"10.0.0.1", "10.0.0.2", "127.0.0.1", "10.0.0.3"}, true, false, ""},
	} {
		s := webhook.New(webhook.Options{
			Egress:   webhook.Egress{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
			Resolver: nameServer(t, func(int) (int, []string) { return c.code, c.addrs }),
		})
		url := "http://shop.example:" + port + "/?token=canary"
		warning, err := s.Check(t.Context(), url)
		if (warning != "") != c.warning || (err != nil) != c.error {
			t.Errorf("%s: check says %q, %v", c.name, warning, err)
		}
		res := s.Send(t.Context(), delivery.Request{URL: url, Header: http.Header{}, Timeout: 10 * time.Second})
		if res.Reason != c.reason || strings.Contains(res.Detail, "canary") {
			t.Errorf("%s: %+v", c.name, res)
		}
		s.Close()
	}
}

// A host that is named may have any address, and no other host has it for that.
func TestNamedHosts(t *testing.T) {
	t.Parallel()
	port := listen(t, "127.0.0.1:0", func(c net.Conn) { answerOK(c) })
	for _, c := range []struct {
		url, leads string
		reason     delivery.Reason
	}{
		{"http://crm.shop.svc:" + port + "/", "127.0.0.1", ""},
		{"http://CRM.shop.svc:" + port + "/", "127.0.0.1", ""},
		{"http://other.shop.svc:" + port + "/", "127.0.0.1", delivery.ReasonEgressDenied},
		{"http://a.crm.shop.svc:" + port + "/", "127.0.0.1", delivery.ReasonEgressDenied},
		{"http://127.0.0.1:" + port + "/", "", delivery.ReasonEgressDenied},
		{"http://crm.shop.svc/", "169.254.169.254", delivery.ReasonEgressDenied},
		{"http://own.shop.svc:" + port + "/", "127.0.0.1", delivery.ReasonEgressDenied},
	} {
		egress := webhook.Egress{Hosts: []string{"crm.shop.svc", "own.shop.svc"}}
		if strings.HasPrefix(c.url, "http://own.") {
			egress.Own = func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:" + port)} }
		}
		s := webhook.New(webhook.Options{Egress: egress, Resolver: nameServer(t, func(int) (int, []string) { return noError, []string{c.leads} })})
		if _, err := s.Check(t.Context(), c.url); (err != nil) != (c.reason != "") {
			t.Errorf("%s, which leads to %s: check says %v", c.url, c.leads, err)
		}
		res := s.Send(t.Context(), delivery.Request{URL: c.url, Header: http.Header{}, Timeout: 10 * time.Second})
		if res.Reason != c.reason {
			t.Errorf("%s, which leads to %s: %+v", c.url, c.leads, res)
		}
		s.Close()
	}
}

// The name server gives another address each time; the rules allow only the first.
func TestRebinding(t *testing.T) {
	t.Parallel()
	var good, stolen atomic.Int64
	port := listen(t, "127.0.0.1:0", func(c net.Conn) { good.Add(1); answerOK(c) })
	listen(t, "127.0.0.2:"+port, func(c net.Conn) { stolen.Add(1); answerOK(c) })
	s := webhook.New(webhook.Options{
		Egress: webhook.Egress{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}},
		Resolver: nameServer(t, func(query int) (int, []string) {
			return noError, []string{"127.0.0." + strconv.Itoa(1+query%2)}
		}),
	})
	defer s.Close()
	denied := 0
	for range 500 {
		res := s.Send(t.Context(), delivery.Request{URL: "http://shop.example:" + port + "/", Header: http.Header{}, Timeout: 10 * time.Second})
		if res.Reason == delivery.ReasonEgressDenied {
			denied++
		} else if res.Reason != "" {
			t.Fatalf("%+v", res)
		}
	}
	if stolen.Load() != 0 || good.Load() == 0 || denied == 0 {
		t.Errorf("%d connections to the allowed address, %d to the other, %d refusals", good.Load(), stolen.Load(), denied)
	}
}

func TestSilentNameServer(t *testing.T) {
	t.Parallel()
	s := webhook.New(webhook.Options{Resolver: nameServer(t, func(int) (int, []string) { return silence, nil })})
	defer s.Close()
	begin := time.Now()
	res := s.Send(t.Context(), delivery.Request{URL: "https://shop.example/", Header: http.Header{}, Timeout: 30 * time.Second})
	if took := time.Since(begin); res.Reason != delivery.ReasonDNS || took > 20*time.Second {
		t.Errorf("%+v after %v", res, took)
	}
}
