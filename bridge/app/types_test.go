package app_test

import (
	"net/http"
	"testing"
)

// What sources are known to send follows the configuration.
func TestTypesFollowTheConfiguration(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.until(http.StatusOK, "ready")
	s.wants(http.StatusOK, `"items":[]`)(s.get("/v1/event-types"))
	s.wants(http.StatusUnprocessableEntity, "there are cloudevents")(s.get("/v1/event-types?provider=sticker"))
	s.conf.Store(configuration(t, "HOOKSPAN_SOURCES=shop,orders", "HOOKSPAN_SOURCE_ORDERS_PROVIDER=sticker", "HOOKSPAN_SOURCE_ORDERS_SECRETS="+rotated))
	s.hangup <- struct{}{}
	s.shows("/v1/event-types?provider=sticker", `"topics":["hookspan.events.orders.order.shipped"]`)
}

// A process that has nothing but the API knows what came while others took it in.
func TestTypesAreKnownWithoutTheOtherRoles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, nil, "HOOKSPAN_DATA_DIR="+dir)
	s.until(http.StatusOK, "ready")
	for _, id := range []string{"a", "b", "c"} {
		s.wants(http.StatusOK, "")(s.post(id))
	}
	const seen = `"type":"t.made","known":false,"provider":"cloudevents","count":3`
	s.wants(http.StatusOK, seen)(s.get("/v1/event-types"))
	s.end()
	<-s.done
	s.closeBus()

	s = start(t, nil, "HOOKSPAN_DATA_DIR="+dir, "HOOKSPAN_ROLES=admin")
	s.until(http.StatusOK, "ready")
	s.wants(http.StatusOK, seen)(s.get("/v1/event-types"))
	s.wants(http.StatusOK, `"id":"c"`)(s.get("/v1/event-types/t.made"))
	s.end()
	<-s.done
}
