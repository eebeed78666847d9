package app_test

import (
	"net/http"
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
	status, answer := s.call(http.MethodPost, "http://"+s.AdminAddr()+"/v1/endpoints", `{"name":"crm","url":"https://1.1.1.1/","active":false}`)
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
