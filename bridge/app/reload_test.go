package app_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// takes waits until the intake answers a secret as wanted.
func (s *server) takes(secret string, status int) {
	s.t.Helper()
	waits(s.t, func() bool {
		got, _ := s.callAs(secret, http.MethodPost, "http://"+s.IntakeAddr()+"/webhooks/shop", `{"specversion":"1.0","id":"a","source":"/t","type":"t.made"}`)
		return got == status
	})
}

const rotated = "a-secret-after-rotation"

func endpointFor(events string) []string {
	return []string{
		"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=https://1.1.1.1/", "HOOKSPAN_ENDPOINT_CRM_ACTIVE=false",
		"HOOKSPAN_ENDPOINT_CRM_SIGNATURE=none", "HOOKSPAN_ENDPOINT_CRM_EVENTS=" + events,
	}
}

func TestAReloadOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	s := start(t, nil, endpointFor("old.*")...)
	s.until(http.StatusOK, "ready")
	s.dumb.Store(true)
	s.conf.Store(configuration(t, append(endpointFor("new.*"), "HOOKSPAN_SOURCE_SHOP_SECRETS="+rotated)...))
	s.hangup <- struct{}{}
	s.takes(rotated, http.StatusOK)
	s.takes(token, http.StatusUnauthorized)
	s.hangup <- struct{}{} // heard once the first is over
	s.wants(http.StatusOK, `"old.*"`)(s.get("/v1/endpoints"))
	s.takes(rotated, http.StatusOK)

	s.dumb.Store(false)
	s.shows("/v1/endpoints", `"new.*"`)
}

func TestARefusedReloadTakesNothing(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.until(http.StatusOK, "ready")
	status, answer := s.register(`{"name":"crm","url":"https://1.1.1.1/","active":false}`)
	if status != http.StatusCreated {
		t.Fatal(status, answer)
	}
	s.conf.Store(configuration(t, append(endpointFor("new.*"), "HOOKSPAN_SOURCE_SHOP_SECRETS="+rotated)...))
	for range 2 { // the second is heard once the first is over
		s.hangup <- struct{}{}
	}
	s.takes(token, http.StatusOK)
	s.takes(rotated, http.StatusUnauthorized)
}

// What the files of one's own providers say holds without a restart.
func TestAReloadReadsTheProvidersAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shows := func(where string) string {
		return "name: own\ntitle: Own\nverify: [{token: {in: 'query:" + where + "'}}]\nevent: {prefix: com.own, body: any}\n"
	}
	write(shows("one"))
	s := start(t, nil, "HOOKSPAN_PROVIDERS_DIR="+dir, "HOOKSPAN_SOURCE_SHOP_PROVIDER=own")
	s.until(http.StatusOK, "ready")
	takes := func(where string, status int) {
		t.Helper()
		waits(t, func() bool {
			got, _ := s.callAs("", http.MethodPost, "http://"+s.IntakeAddr()+"/webhooks/shop?"+where+"="+token, "{}")
			return got == status
		})
	}
	takes("one", http.StatusOK)
	write(shows("another"))
	s.hangup <- struct{}{}
	takes("another", http.StatusOK)
	takes("one", http.StatusUnauthorized)
	write("name: own\nverify: nothing\n")
	for range 2 { // the second is heard once the first is over
		s.hangup <- struct{}{}
	}
	takes("another", http.StatusOK)
}

// A source whose topic no stream holds would be answered 503 until the next start, and a body that
// the bus does not take 413 for good.
func TestAReloadOpensNothing(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "HOOKSPAN_SOURCE_SHOP_TOPIC=orders")
	s.until(http.StatusOK, "ready")
	bodies := map[string]string{"orders": "1MiB", "hookspan.events.b": "2KiB", "hookspan.events": "1000", "elsewhere": "1000", "hookspan.events.large": "2MiB"}
	for topic, taken := range map[string]bool{"orders": true, "hookspan.events.b": true, "hookspan.events": true, "elsewhere": false, "hookspan.events.large": false} {
		s.conf.Store(configuration(t, "HOOKSPAN_SOURCE_SHOP_TOPIC=orders", "HOOKSPAN_SOURCES=shop,other", "HOOKSPAN_SOURCE_OTHER_PROVIDER=cloudevents",
			"HOOKSPAN_SOURCE_OTHER_SECRETS="+rotated, "HOOKSPAN_SOURCE_OTHER_TOPIC="+topic, "HOOKSPAN_SOURCE_OTHER_URI=/"+topic, "HOOKSPAN_SOURCE_OTHER_MAX_BODY="+bodies[topic]))
		for range 2 { // the second is heard once the first is over
			s.hangup <- struct{}{}
		}
		waits(t, func() bool {
			_, text := s.get("/v1/sources")
			return strings.Contains(text, `"/`+topic+`"`) == taken
		})
	}
}

// A provider that an endpoint of the API signs as is not taken away from under it.
func TestAReloadKeepsWhatAnEndpointSignsAs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := filepath.Join(dir, "own.yaml")
	if err := os.WriteFile(own, []byte("name: own\ntitle: Own\nverify: [{hmac: {header: X-Own}}]\nevent: {prefix: com.own}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, nil, "HOOKSPAN_PROVIDERS_DIR="+dir)
	s.until(http.StatusOK, "ready")
	status, answer := s.register(`{"name":"crm","url":"https://1.1.1.1/","active":false,"signature":"provider:own","secrets":["an-invented-shared-secret"]}`)
	if status != http.StatusCreated {
		t.Fatal(status, answer)
	}
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	s.conf.Store(configuration(t, "HOOKSPAN_PROVIDERS_DIR="+dir, "HOOKSPAN_SOURCE_SHOP_SECRETS="+rotated))
	for range 2 { // the second is heard once the first is over
		s.hangup <- struct{}{}
	}
	s.takes(token, http.StatusOK)
	s.takes(rotated, http.StatusUnauthorized)
}
