package webhook_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// few is a sender with so many connections, and what it counts.
func few(t *testing.T, most int, edit func(*webhook.Options)) (*webhook.Sender, *prometheus.Registry) {
	t.Helper()
	counts := prometheus.NewRegistry()
	o := webhook.Options{Egress: loopback(), Connections: most, Metrics: counts}
	if edit != nil {
		edit(&o)
	}
	s := webhook.New(o)
	t.Cleanup(s.Close)
	return s, counts
}

func counted(t *testing.T, counts *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := counts.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric[0].GetGauge().GetValue() + f.Metric[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// Endpoints that hang, however many, open no more connections than there may be, and one that answers
// is reached beside them; what waits meanwhile has not failed.
func TestHangingEndpointsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			const most, hanging = 8, 40
			model := httptest.NewTLSServer(nil)
			t.Cleanup(model.Close)
			s, counts := few(t, most, func(o *webhook.Options) {
				o.RootCAs = model.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			})
			hang := func(c net.Conn) {
				if scheme == "https" {
					c = tls.Server(c, &tls.Config{Certificates: model.TLS.Certificates})
				}
				hold(c)
			}
			reached := make(chan struct{}, 1000) // listeners send
			ctx, stop := context.WithCancel(t.Context())
			var all sync.WaitGroup
			attempt := func(url string, timeout time.Duration) {
				for ctx.Err() == nil {
					if res := post(s, ctx, url, timeout); res.Reason != delivery.ReasonTimeout && res.Reason != delivery.ReasonStopped {
						t.Errorf("%+v", res)
					}
				}
			}
			for range hanging {
				url := scheme + "://127.0.0.1:" + listen(t, "127.0.0.1:0", func(c net.Conn) { reached <- struct{}{}; hang(c) }) + "/"
				for range 2 {
					all.Go(func() { attempt(url, 200*time.Millisecond) })
				}
			}
			for range 2 * most { // all places have been taken, and given up
				<-reached
			}
			url := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", (&dropper{drop: func(net.Conn) {}}).serve) + "/"
			for range 5 {
				if res := post(s, t.Context(), url, time.Minute); res.Status != 200 {
					t.Errorf("beside those that hang: %+v", res)
				}
				if n := counted(t, counts, "hookspan_egress_connections"); n > most {
					t.Errorf("%v connections", n)
				}
			}
			if n := counted(t, counts, "hookspan_egress_waits_total"); n == 0 {
				t.Error("nothing had to wait")
			}
			stop()
			all.Wait()
			s.Close()
			for counted(t, counts, "hookspan_egress_connections") > 0 { // a transport may be dialling still
				runtime.Gosched()
			}
		})
	}
}

// The time that an attempt waits for a connection is not the endpoint's.
func TestAWaitIsNoneOfTheAttempt(t *testing.T) {
	t.Parallel()
	s, _ := few(t, 1, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	slow := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", func(c net.Conn) { close(entered); <-release; answerOK(c) }) + "/"
	fast := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", answerOK) + "/"
	var all sync.WaitGroup
	all.Go(func() {
		if res := post(s, t.Context(), slow, time.Minute); res.Status != 200 {
			t.Errorf("the slow one: %+v", res)
		}
	})
	<-entered
	const timeout = 300 * time.Millisecond
	time.AfterFunc(2*timeout, func() { close(release) })
	if res := post(s, t.Context(), fast, timeout); res.Status != 200 || res.Waited < timeout {
		t.Errorf("the one that waited: %+v", res)
	}
	all.Wait()
}

// Connections that are kept for the next attempt are closed for those that are needed, of whatever
// protocol, and are used again as long as nobody needs their place.
func TestIdleConnectionsGiveWay(t *testing.T) {
	t.Parallel()
	var urls []string
	for range 3 {
		urls = append(urls, "http://127.0.0.1:"+listen(t, "127.0.0.1:0", func(c net.Conn) {
			for r := bufio.NewReader(c); ; {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				io.Copy(io.Discard, req.Body)
				io.WriteString(c, fine)
			}
		})+"/")
	}
	var authorities *httptest.Server
	for _, two := range []bool{false, true} {
		secure := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		secure.EnableHTTP2 = two
		secure.StartTLS()
		t.Cleanup(secure.Close)
		authorities = secure // they all have the same certificate
		urls = append(urls, secure.URL)
	}
	s, counts := few(t, 2, func(o *webhook.Options) {
		o.RootCAs = authorities.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	})
	for range 3 {
		for _, url := range urls {
			for range 2 {
				if res := post(s, t.Context(), url, time.Minute); res.Status != 200 {
					t.Fatalf("%s: %+v", url, res)
				}
				if n := counted(t, counts, "hookspan_egress_connections"); n > 2 {
					t.Fatalf("%v connections", n)
				}
			}
		}
	}
}

// Of many attempts at one endpoint those that find no place take over the connections of the others.
func TestAConnectionIsHandedOn(t *testing.T) {
	t.Parallel()
	conns := make(chan struct{}, 1000) // the listener sends
	url := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", func(c net.Conn) {
		conns <- struct{}{}
		for r := bufio.NewReader(c); ; {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			io.Copy(io.Discard, req.Body)
			io.WriteString(c, fine)
		}
	}) + "/"
	s, _ := few(t, 4, nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if res := post(s, t.Context(), url, time.Minute); res.Status != 200 {
				t.Errorf("%+v", res)
			}
		})
	}
	all.Wait()
	if n := len(conns); n > 25 { // on a slow machine some are closed as idle
		t.Errorf("%d connections for 50 attempts, want little more than the two that one address may have", n)
	}
}

// A token endpoint that cannot be asked for want of a connection makes no attempt fail.
func TestATokenWaitsForAConnection(t *testing.T) {
	t.Parallel()
	s, _ := few(t, 1, nil)
	entered := make(chan struct{})
	hung := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", func(c net.Conn) { close(entered); hold(c) }) + "/"
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { post(s, ctx, hung, time.Minute) })
	<-entered
	fast := "http://127.0.0.1:" + listen(t, "127.0.0.1:0", answerOK) + "/"
	res := s.Send(t.Context(), delivery.Request{URL: fast, Timeout: 50 * time.Millisecond, Access: &delivery.Access{
		Grant: &delivery.Grant{TokenURL: fast, ClientID: "id", ClientSecret: "secret"},
	}})
	if res.Reason != delivery.ReasonCrowded {
		t.Errorf("got %+v", res)
	}
	stop()
	all.Wait()
}

// An attempt that ends before anything was dialled gives its place back.
func TestAPlaceThatIsNotUsedIsGivenBack(t *testing.T) {
	t.Parallel()
	s, counts := few(t, 1, nil)
	for range 3 {
		res := s.Send(t.Context(), delivery.Request{URL: "https://127.0.0.1:9/", Header: http.Header{"A b": {"c"}}, Timeout: time.Minute})
		if res.Reason != delivery.ReasonProtocol {
			t.Errorf("%+v", res)
		}
	}
	if n := counted(t, counts, "hookspan_egress_connections"); n != 0 {
		t.Errorf("%v connections", n)
	}
}
