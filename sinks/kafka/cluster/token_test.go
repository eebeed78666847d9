package cluster_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookspan/hookspan/sinks/kafka/cluster"
)

// A tokenServer hands out numbered tokens for one client.
func tokenServer(t *testing.T, life string) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		id, secret, _ := r.BasicAuth()
		if r.Method != http.MethodPost || id != "hook%3Aspan" || secret != "some+secret%25" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "kafka read" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":"%s %s"}`, id, secret)
			return
		}
		_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"bearer"%s}`, n, life)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestTokensAreKept(t *testing.T) {
	t.Parallel()
	url, asked := tokenServer(t, `,"expires_in":3600`)
	source := cluster.NewTokenSource(&cluster.SASL{TokenURL: url, ClientID: "hook:span", ClientSecret: "some secret%", Scopes: []string{"kafka", "read"}})
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if token, err := source.Token(t.Context()); err != nil || token != "token-1" {
				t.Errorf("token %q, %v", token, err)
			}
		})
	}
	all.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestTokensThatRunOut(t *testing.T) {
	t.Parallel()
	url, _ := tokenServer(t, `,"expires_in":"0.000000001"`)
	source := cluster.NewTokenSource(&cluster.SASL{TokenURL: url, ClientID: "hook:span", ClientSecret: "some secret%", Scopes: []string{"kafka", "read"}})
	for n := 1; n <= 3; n++ {
		if token, err := source.Token(t.Context()); err != nil || token != fmt.Sprintf("token-%d", n) {
			t.Errorf("token %q, %v", token, err)
		}
	}
}

// An error names what went wrong, and no secret, not even one that the server says.
func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	url, _ := tokenServer(t, "")
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, url, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(elsewhere.Close)
	for name, s := range map[string]cluster.SASL{
		"another secret": {TokenURL: url, ClientID: "hook:span", ClientSecret: "some other secret"},
		"a redirect":     {TokenURL: elsewhere.URL, ClientID: "hook:span", ClientSecret: "some secret%", Scopes: []string{"kafka", "read"}},
		"nobody there":   {TokenURL: "http://127.0.0.1:1/?key=some-key", ClientID: "hook:span", ClientSecret: "some secret%"},
	} {
		token, err := cluster.NewTokenSource(&s).Token(t.Context())
		if err == nil || token != "" {
			t.Errorf("%s: %q", name, token)
		}
		if text := fmt.Sprint(err); strings.Contains(text, "some") {
			t.Errorf("%s: the error tells a secret: %s", name, text)
		}
	}
}

func FuzzReadToken(f *testing.F) {
	f.Add(200, `{"access_token":"t","expires_in":3600}`)
	f.Add(200, `{"access_token":"t","expires_in":"1e400"}`)
	f.Add(200, `{"access_token":""}`)
	f.Add(400, `{"error":"invalid_scope"}`)
	f.Add(500, `<html>`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		token, life, err := cluster.ReadToken(status, strings.NewReader(body))
		if err == nil && (token == "" || status != 200 || life <= 0 || life > 366*24*time.Hour) {
			t.Errorf("%d %q: token %q for %v", status, body, token, life)
		}
		if err != nil && token != "" {
			t.Errorf("%d %q: token %q and %v", status, body, token, err)
		}
	})
}
