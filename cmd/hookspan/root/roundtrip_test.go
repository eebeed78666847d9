package root_test

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/roundtrip"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
	"github.com/hookspan/hookspan/sinks/porttest"
)

// through is a proxy to an address that changes requests on their way, and loses answers.
func through(t *testing.T, to string, change func(*http.Request), lose func(*http.Response) error) (port string) {
	t.Helper()
	s := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: to})
			change(r.Out)
		},
		ModifyResponse: lose,
		ErrorLog:       log.New(io.Discard, "", 0),
	})
	t.Cleanup(s.Close)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestRoundtrip(t *testing.T) {
	t.Parallel()
	const token, other = "t0ken-of-the-test", "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
	secret := "whsec_" + strings.Repeat("c2VlZHNl", 6)
	environ := []string{
		"HOOKSPAN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_LISTEN=127.0.0.1:0", "HOOKSPAN_ADMIN_TOKEN=" + token, "HOOKSPAN_EMBEDDED_MAX_STORE=64MB",
		"HOOKSPAN_DATA_DIR=" + t.TempDir(), "HOOKSPAN_EGRESS_HOSTS=localhost",
		"HOOKSPAN_SOURCES=trip", "HOOKSPAN_SOURCE_TRIP_PROVIDER=standard-webhooks", "HOOKSPAN_SOURCE_TRIP_SECRETS=" + secret,
	}
	public, admin, stop, err := server.Start(t.Context(), environ)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	trip := func(t *testing.T, args ...string) (out, errs string, code int) {
		t.Helper()
		if !slices.Contains(args, "--secret") {
			args = append(args, "--secret", secret)
		}
		return hookspan(t, nil, append([]string{"roundtrip", "--json", "--server", admin, "--token", token, "--to", public + "/webhooks/trip"}, args...)...)
	}
	at := func(address string) []string {
		_, port, _ := net.SplitHostPort(address)
		return []string{"--listen", address, "--url", "http://localhost:" + port + "/in"}
	}

	t.Run("right", func(t *testing.T) {
		out, errs, code := trip(t, at(porttest.Addresses(t, 1)[0])...)
		var done roundtrip.Done
		if err := json.Unmarshal([]byte(out), &done); err != nil || code != cli.ExitDone || done.Attempt != "1" || done.AnswerMS <= 0 || done.DeliveredMS < 0 {
			t.Errorf("code %d, %v: %s%s", code, err, out, errs)
		}
	})

	addresses := porttest.Addresses(t, 9)
	forged := through(t, addresses[0], func(r *http.Request) { r.Header.Set("Webhook-Signature", "v1,"+strings.Repeat("A", 43)+"=") }, nil)
	silent := through(t, strings.TrimPrefix(admin, "http://"), func(*http.Request) {}, func(r *http.Response) error {
		if r.Request.Method == http.MethodPost {
			return errors.New("lost")
		}
		return nil
	})
	wrong := map[string]struct {
		args []string
		says string
	}{
		"a signature that was changed": {[]string{"--listen", addresses[0], "--url", "http://localhost:" + forged + "/"}, "the delivery is not signed as it should be"},
		"another secret":               {append(at(addresses[1]), "--secret", other), "is not one of the source's"},
		"no such source":               {append(at(addresses[2]), "--to", public+"/webhooks/nobody"), "it has no such source"},
		"another token":                {append(at(addresses[3]), "--token", "wrong"), "the endpoint was not registered: the server answered 401"},
		"an answer that is lost":       {append(at(addresses[8]), "--server", "http://127.0.0.1:"+silent), "the endpoint was not registered: the server answered 502"},
		"an address that is refused":   {[]string{"--listen", addresses[4]}, "is not public; HOOKSPAN_EGRESS_ALLOW may name its range, HOOKSPAN_EGRESS_HOSTS its host"},
		"nobody at the URL":            {[]string{"--listen", addresses[5], "--url", "http://localhost:1/", "--timeout", "5s"}, " ended with connect: the connection was refused"},
		"nobody at the intake":         {append(at(addresses[6]), "--to", "http://127.0.0.1:1/webhooks/trip", "--timeout", "5s"), "nobody listens at 127.0.0.1:1"},
		"nobody at the API":            {[]string{"--server", "http://127.0.0.1:1", "--timeout", "2s"}, "127.0.0.1:1 is not ready: nobody listens at 127.0.0.1:1"},
		"a name that is none":          {[]string{"--listen", addresses[7], "--url", "http://tester.invalid:8090/", "--timeout", "5s"}, "the name by which Hookspan is to reach this command does not resolve"},
		"not ready":                    {[]string{"--server", busAway(t), "--timeout", "2s"}, "is not ready: the server answered 503 (not_ready): the bus is away"},
	}
	t.Run("wrong", func(t *testing.T) { // ends when all have
		for name, c := range wrong {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				out, errs, code := trip(t, c.args...)
				if code != cli.ExitFailed || !strings.Contains(errs, c.says) || strings.Contains(errs, secret) {
					t.Errorf("code %d, want %q in:\n%s%s", code, c.says, out, errs)
				}
			})
		}
	})
	for _, args := range [][]string{{"--to", "trip"}, {"--secret", "whsec_short"}, {"--timeout", "0s"}, {"--url", "tester"}} {
		if _, errs, code := trip(t, args...); code != cli.ExitUsage {
			t.Errorf("%v: code %d, %s", args, code, errs)
		}
	}
	if out, errs, code := hookspan(t, nil, "endpoints", "--json", "--server", admin, "--token", token); out != "" || code != cli.ExitDone {
		t.Errorf("endpoints were left behind (code %d): %s%s", code, out, errs)
	}
}

// busAway is a server whose bus is away.
func busAway(t *testing.T) string {
	return listenForTokens(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"title":"not ready","detail":"the bus is away","code":"not_ready"}`))
	}).URL
}

// Who takes the webhook in, who delivers it and who answers the API may be three processes.
func TestRoundtripThroughRolesApart(t *testing.T) {
	t.Parallel()
	secret := "whsec_" + strings.Repeat("c2VlZHNl", 6)
	environ := append(onNATS(natstest.Start(t, 1, natstest.Config{})), "HOOKSPAN_SEAL_KEY="+sealKey, "HOOKSPAN_EGRESS_HOSTS=localhost",
		"HOOKSPAN_SOURCES=shop,trip", "HOOKSPAN_SOURCE_TRIP_PROVIDER=standard-webhooks", "HOOKSPAN_SOURCE_TRIP_SECRETS="+secret)
	role := func(name string) *replica { return launch(t, append(environ, "HOOKSPAN_ROLES="+name)...) }
	receiver, admin, dispatcher := role("receiver"), role("admin"), role("dispatcher")
	for _, r := range []*replica{receiver, admin, dispatcher} {
		r.shows("/readyz", http.StatusOK, "ready")
	}
	dispatcher.shows("/metrics", http.StatusOK, "hookspan_shards_owned 32")
	trip := func(args ...string) (out, errs string, code int) {
		return hookspan(t, nil, append([]string{"roundtrip", "--server", "http://" + admin.AdminAddr(), "--token", testToken,
			"--to", "http://" + receiver.IntakeAddr() + "/webhooks/trip", "--secret", secret}, args...)...)
	}
	address := porttest.Addresses(t, 1)[0]
	_, port, _ := net.SplitHostPort(address)
	at := []string{"--listen", address, "--url", "http://localhost:" + port + "/"}
	if out, errs, code := trip(at...); code != cli.ExitDone {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	dispatcher.stop()
	if out, errs, code := trip(append(at, "--timeout", "5s")...); code != cli.ExitFailed || !strings.Contains(errs, "the webhook was taken in and not delivered: ") {
		t.Errorf("without a dispatcher: code %d: %s%s", code, out, errs)
	}
}
