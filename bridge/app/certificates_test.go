package app_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/sinks/certtest"
	"github.com/hookspan/hookspan/sinks/webhook"
)

// A source may want its sender's certificate; others on the same listener are not hurt by that, and a
// reload turns it on and off.
func TestSendersShowTheirCertificates(t *testing.T) {
	t.Parallel()
	ours, theirs := certtest.New(t), certtest.New(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	certtest.Write(t, ours.Issue(t, "localhost", "127.0.0.1"), at("cert"), at("key"))
	if err := os.WriteFile(at("authorities"), theirs.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	listening := []string{
		"HOOKSPAN_TLS_CERT=" + at("cert"), "HOOKSPAN_TLS_KEY_FILE=" + at("key"),
		"HOOKSPAN_SOURCES=shop,open", "HOOKSPAN_SOURCE_OPEN_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_OPEN_SECRETS=" + token,
	}
	asking := append(listening[:len(listening):len(listening)], "HOOKSPAN_SOURCE_SHOP_CLIENT_CA="+at("authorities"), "HOOKSPAN_SOURCE_SHOP_CLIENT_NAMES=*.sender.example")
	s := start(t, nil, asking...)
	s.until(http.StatusOK, "ready")

	send := func(source string, shown ...tls.Certificate) int {
		t.Helper()
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ours.Pool(), Certificates: shown}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+s.IntakeAddr()+"/webhooks/"+source,
			strings.NewReader(`{"specversion":"1.0","id":"a","source":"/t","type":"t.made"}`))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer "+token)
		q.Header.Set("Content-Type", "application/cloudevents+json")
		resp, err := transport.RoundTrip(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.ProtoMajor != 2 {
			t.Errorf("%s", resp.Proto)
		}
		return resp.StatusCode
	}
	theirOwn := theirs.Issue(t, "hooks.sender.example")
	for name, c := range map[string]struct {
		source string
		shown  []tls.Certificate
		want   int
	}{
		"the sender's":               {"shop", []tls.Certificate{theirOwn}, 200},
		"none":                       {"shop", nil, 401},
		"of another name":            {"shop", []tls.Certificate{theirs.Issue(t, "hooks.other.example")}, 401},
		"of a name below":            {"shop", []tls.Certificate{theirs.Issue(t, "a.hooks.sender.example")}, 401},
		"of another authority":       {"shop", []tls.Certificate{ours.Issue(t, "hooks.sender.example")}, 401},
		"more than anybody shows":    {"shop", []tls.Certificate{crowd(theirOwn)}, 401},
		"none, where none is wanted": {"open", nil, 200},
		"one, where none is wanted":  {"open", []tls.Certificate{theirOwn}, 200},
		"any, where none is wanted":  {"open", []tls.Certificate{ours.Issue(t, "x")}, 200},
	} {
		if got := send(c.source, c.shown...); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	s.wants(http.StatusOK, `"certificate"`)(s.get("/v1/refusals"))

	s.conf.Store(configuration(t, listening...))
	s.hangup <- struct{}{}
	waits(t, func() bool { return send("shop") == 200 })
	s.conf.Store(configuration(t, asking...))
	s.hangup <- struct{}{}
	waits(t, func() bool { return send("shop") == 401 })
	if got := send("shop", theirOwn); got != 200 {
		t.Errorf("after two reloads: %d", got)
	}
	s.end()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// crowd is a certificate with many beside it, which cost who looks for a chain among them.
func crowd(c tls.Certificate) tls.Certificate {
	for range 20 {
		c.Certificate = append(c.Certificate[:len(c.Certificate):len(c.Certificate)], c.Certificate[0])
	}
	return c
}

func TestCertificatesThatCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	none := filepath.Join(dir, "none")
	if err := os.WriteFile(none, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	certtest.Write(t, certtest.New(t).Issue(t, "localhost"), filepath.Join(dir, "cert"), filepath.Join(dir, "key"))
	listening := []string{"HOOKSPAN_TLS_CERT=" + filepath.Join(dir, "cert"), "HOOKSPAN_TLS_KEY_FILE=" + filepath.Join(dir, "key")}
	sender := webhook.New(webhook.Options{})
	defer sender.Close()
	for says, environ := range map[string][]string{
		"HOOKSPAN_SOURCE_SHOP_CLIENT_CA: no certificate is ever shown": {"HOOKSPAN_SOURCE_SHOP_CLIENT_CA=" + none},
		"HOOKSPAN_SOURCE_SHOP_CLIENT_NAMES: nobody is asked":           append(listening, "HOOKSPAN_SOURCE_SHOP_CLIENT_NAMES=a.example"),
		"HOOKSPAN_SOURCE_SHOP_CLIENT_CA: " + none + " holds no":        append(listening, "HOOKSPAN_SOURCE_SHOP_CLIENT_CA="+none),
		"HOOKSPAN_SOURCE_SHOP_FROM: want address ranges":               {"HOOKSPAN_SOURCE_SHOP_FROM=example.com"},
	} {
		conf, err := config.Load(append([]string{"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=cloudevents", "HOOKSPAN_SOURCE_SHOP_SECRETS=" + token}, environ...))
		if err == nil {
			if problems := app.Check(t.Context(), conf, sender.CheckEndpoint); problems != nil {
				err = problems
			}
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}
