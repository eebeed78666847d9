package webhook_test

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// ownAddress is an address of this machine besides loopback, "" when it has none.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			return n.IP.String()
		}
	}
	return ""
}

func TestOwnListenersAreNoEndpoints(t *testing.T) {
	t.Parallel()
	e := everywhere()
	e.Own = func() []netip.AddrPort {
		return []netip.AddrPort{netip.MustParseAddrPort("[::]:8080"), netip.MustParseAddrPort("127.0.0.1:8081"), netip.MustParseAddrPort("0.0.0.0:4222"), netip.MustParseAddrPort("[::1]:6222")}
	}
	s := webhook.New(webhook.Options{Egress: e, Resolver: nameServer(t, func(int) (int, []string) { return noError, []string{"127.0.0.1"} })})
	defer s.Close()
	own := strings.Fields("127.0.0.1:8080 127.9.9.9:8080 [::1]:8080 0.0.0.0:8080 [::]:8080 127.0.0.1:8081 0.0.0.0:8081 shop.example:8081 127.0.0.1:4222 0.0.0.0:4222 [::1]:6222 [::]:6222")
	others := strings.Fields("127.0.0.1:8082 127.0.0.2:8081 [::1]:8081 [::1]:4222 127.0.0.1:6222 203.0.113.9:8080 shop.example:8082")
	if mine := ownAddress(t); mine != "" {
		own = append(own, mine+":8080", mine+":4222")
		others = append(others, mine+":8081")
	}
	for _, scheme := range []string{"http://", "https://"} {
		for _, host := range own {
			if _, err := s.Check(t.Context(), scheme+host+"/v1/endpoints"); err == nil || !strings.Contains(err.Error(), "listener of this Hookspan") {
				t.Errorf("%s%s: %v", scheme, host, err)
			}
			res := s.Send(t.Context(), delivery.Request{URL: scheme + host, Header: http.Header{}, Timeout: time.Minute})
			if res.Reason != delivery.ReasonEgressDenied {
				t.Errorf("an attempt at %s%s: %+v", scheme, host, res)
			}
		}
		for _, host := range others {
			if _, err := s.Check(t.Context(), scheme+host+"/"); err != nil {
				t.Errorf("%s%s: %v", scheme, host, err)
			}
		}
	}
}

// A name that leads to a listener of ours and elsewhere is refused when it is registered.
func TestNameOfAnOwnListenerIsRefused(t *testing.T) {
	t.Parallel()
	e := everywhere()
	e.Own = func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8081")} }
	s := webhook.New(webhook.Options{Egress: e, Resolver: nameServer(t, func(int) (int, []string) { return noError, []string{"203.0.113.9", "127.0.0.1"} })})
	defer s.Close()
	if warning, err := s.Check(t.Context(), "http://shop.example:8081/"); err == nil {
		t.Errorf("accepted, with warning %q", warning)
	}
}
