package app_test

import (
	"net/http"
	"strings"
	"testing"
)

// create makes an endpoint with some topics, a JSON list.
func (s *server) create(name, topics string) (int, string) {
	s.t.Helper()
	return s.register(`{"name":"` + name + `","url":"https://1.1.1.1/","topics":` + topics + `}`)
}

func TestEndpointOnATopicThatIsNotFollowedIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, nil, "HOOKSPAN_TOPICS=hookspan.events.>,orders.>")
	s.until(http.StatusOK, "ready")
	for _, topics := range []string{`["hookspan.ops"]`, `["hookspan.event.>"]`, `["orders"]`} {
		s.wants(http.StatusUnprocessableEntity, "(HOOKSPAN_TOPICS=hookspan.events.")(s.create("typo", topics))
	}
	s.wants(http.StatusUnprocessableEntity, `"topics[1]"`)(s.create("typo", `["orders.*","hookspan.ops"]`))
	s.wants(http.StatusCreated, `"orders.>"`)(s.create("crm", `["orders.>","/paid$/"]`))
	s.wants(http.StatusCreated, "")(s.create("all", `[]`))
	patch := func(body string) (int, string) {
		return s.call(http.MethodPatch, "http://"+s.AdminAddr()+"/v1/endpoints/crm", body)
	}
	s.wants(http.StatusUnprocessableEntity, `"topics[0]"`)(patch(`{"topics":["hookspan.ops"]}`))
	s.wants(http.StatusOK, "")(patch(`{"rate":"1/s"}`))
	s.end()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// A topic that was followed and is not any more leaves the endpoint as it is, and is told.
func TestEndpointWhoseTopicIsNotFollowedAnyMoreIsToldOf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, nil, "HOOKSPAN_DATA_DIR="+dir, "HOOKSPAN_TOPICS=hookspan.events.>,orders.>")
	s.until(http.StatusOK, "ready")
	s.wants(http.StatusCreated, "")(s.create("crm", `["orders.>"]`))
	s.end()
	<-s.done
	s.closeBus()

	s = start(t, nil, "HOOKSPAN_DATA_DIR="+dir)
	s.until(http.StatusOK, "ready")
	s.wants(http.StatusOK, `"warnings":["topics: orders.> fits no topic that this process follows (HOOKSPAN_TOPICS=hookspan.events.>)`)(s.get("/v1/endpoints/crm"))
	status, body := s.call(http.MethodPatch, "http://"+s.AdminAddr()+"/v1/endpoints/crm", `{"rate":"1/s"}`)
	if status != http.StatusOK || !strings.Contains(body, "warnings") {
		t.Errorf("an edit of something else: %d %s", status, body)
	}
	s.end()
	<-s.done
}
