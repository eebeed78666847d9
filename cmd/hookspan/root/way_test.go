package root_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
)

// relay is a proxy that asks for me:canary, and counts the connections that it makes.
func relay(t *testing.T) (address string, made *atomic.Int64) {
	t.Helper()
	made = &atomic.Int64{}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != "Basic bWU6Y2FuYXJ5" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		to, err := net.Dial("tcp", r.RequestURI)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer to.Close()
		made.Add(1)
		client, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer client.Close()
		io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			io.Copy(to, buffered)
			to.Close()
		}()
		io.Copy(client, to)
	}))
	t.Cleanup(proxy.Close)
	return proxy.Listener.Addr().String(), made
}

// A server sends through the proxy that it is told, once the endpoint has consented.
func TestThroughAProxyWithConsent(t *testing.T) {
	t.Parallel()
	proxy, made := relay(t)
	came := make(chan string, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodOptions:
			came <- r.Header.Get("Ce-Id") + " " + r.Header.Get("WebHook-Request-Origin")
		case r.URL.Path == "/in":
			w.Header().Set("WebHook-Allowed-Origin", r.Header.Get("WebHook-Request-Origin"))
			w.Header().Set("WebHook-Allowed-Rate", "120")
		}
	}))
	t.Cleanup(receiver.Close)
	public, admin, stop, err := server.Start(t.Context(), []string{
		"HOOKSPAN_DATA_DIR=" + t.TempDir(), "HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_TOKEN=t0ken",
		"HOOKSPAN_EMBEDDED_MAX_STORE=64MB", "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8", "HOOKSPAN_EGRESS_PROXY=http://me:canary@" + proxy, "HOOKSPAN_ORIGIN=hooks.example",
		"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_SHOP_SECRETS=t0ken-of-the-shop", "HOOKSPAN_ENDPOINTS=crm",
		"HOOKSPAN_ENDPOINT_CRM_URL=" + receiver.URL + "/in", "HOOKSPAN_ENDPOINT_CRM_SIGNATURE=none", "HOOKSPAN_ENDPOINT_CRM_HANDSHAKE=true",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, public+"/webhooks/shop", strings.NewReader(`{"specversion":"1.0","id":"1","source":"/t","type":"t.made"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer t0ken-of-the-shop")
	req.Header.Set("Content-Type", "application/cloudevents+json")
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode/100 != 2 {
		t.Fatalf("%v, %v", res, err)
	}
	_ = res.Body.Close()
	if got := <-came; got != "1 hooks.example" || made.Load() == 0 {
		t.Errorf("%s by %d connections of the proxy", got, made.Load())
	}
	admins := []string{"HOOKSPAN_SERVER=" + admin, "HOOKSPAN_ADMIN_TOKEN=t0ken"}
	if out, errs, _ := hookspan(t, admins, "endpoints", "get", "crm"); !strings.Contains(out, `"state": "given"`) || !strings.Contains(out, `"allowed_rate": "2/s"`) {
		t.Errorf("shown: %s%s", out, errs)
	}
	_, errs, code := hookspan(t, admins, "endpoints", "create", "no", "--url", receiver.URL+"/no", "--handshake")
	if code != cli.ExitFailed || !strings.Contains(errs, "handshake: the endpoint does not consent") {
		t.Errorf("an endpoint that does not consent: code %d, %s", code, errs)
	}
	out, errs, code := hookspan(t, admins, "endpoints", "create", "own", "--url", receiver.URL+"/own", "--proxy", "http://me:canary@"+proxy, "--json")
	if code != cli.ExitDone || !strings.Contains(out, "http://***@"+proxy) || strings.Contains(out+errs, "canary") {
		t.Errorf("a proxy of its own: code %d, %s%s", code, out, errs)
	}
	_, errs, code = hookspan(t, admins, "endpoints", "create", "away", "--url", receiver.URL+"/away", "--proxy", "socks5://me:canary@10.0.0.1")
	if code != cli.ExitFailed || !strings.Contains(errs, "proxy: is refused") || strings.Contains(errs, "canary") {
		t.Errorf("a proxy that is not public: code %d, %s", code, errs)
	}
}
