package root_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A process that follows all there is on its bus delivers events, and not what it writes down of
// their deliveries.
func TestWhoFollowsEverythingIsFedNothingOfItsOwn(t *testing.T) {
	t.Parallel()
	for kind, everything := range map[string]string{"embedded": "hookspan.>", "nats": ">", "kafka": "/.*/"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			got := map[string]int{} // by type
			arrived := make(chan struct{}, 100)
			endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				got[r.Header.Get("Ce-Type")]++
				if r.Header.Get("Ce-Type") == "t.made" {
					arrived <- struct{}{}
				}
			}))
			t.Cleanup(endpoint.Close)
			environ := append(emptyBus(t, kind), "HOOKSPAN_SEAL_KEY="+sealKey,
				"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL="+endpoint.URL, "HOOKSPAN_ENDPOINT_CRM_SIGNATURE=none")
			r := launch(t, environ...)
			r.shows("/readyz", http.StatusOK, "ready")
			r.stop()
			r = launch(t, append(environ, "HOOKSPAN_TOPICS="+everything)...)
			r.shows("/readyz", http.StatusOK, "ready")
			const n = 5
			for i := range n {
				r.takes(fmt.Sprint(i))
				<-arrived
			}
			r.stop()
			mu.Lock()
			defer mu.Unlock()
			if want := map[string]int{"t.made": n}; !maps.Equal(got, want) {
				t.Errorf("came %v, want %v", got, want)
			}
		})
	}
}
