//go:build disks || fleets

package fault_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// Kills while the seal key is changed: whatever is sealed with which key by then, everything opens
// after the restart, and the next rotation does the rest.
func TestFaultKeys(t *testing.T) {
	t.Parallel()
	const endpoints = 40
	w := newWorld(t, t.TempDir(), func(string) []string { return nil })
	c := w.ready()
	for n := range endpoints {
		status, _, err := w.site.Write(w.within(10*time.Second), http.MethodPost, "/v1/endpoints", map[string]any{
			"name": fmt.Sprintf("made-%d", n), "url": w.receiver.URL + "/made", "headers": map[string]string{"X-Key": "canary"},
		})
		if err != nil || status != http.StatusCreated {
			w.Fatalf("create endpoint %d: status %d, %v", n, status, err)
		}
	}
	answered := 0
	for range *rounds {
		done := make(chan int, 1) // the request sends the status of its answer, once; 0 for none
		go func() {
			status, _, _ := w.site.Write(w.Context(), http.MethodPost, "/v1/keys/rotate", map[string]any{"new": true})
			done <- status
		}()
		<-time.After(time.Duration(w.rng.IntN(60)) * time.Millisecond)
		c.Kill()
		if status := <-done; status == http.StatusOK {
			answered++
		} else if status != 0 {
			w.Errorf("a rotation is answered %d", status)
		}
		c = w.ready() // which it is not while anything is sealed with a key that is gone
		listed, err := w.site.Endpoints(w.within(10 * time.Second))
		w.must(err)
		for name, e := range listed {
			if e.State != "enabled" {
				w.Errorf("endpoint %s is %s", name, e.State)
			}
		}
		sealed, err := w.site.Metric(w.within(10*time.Second), "hookspan_sealed_endpoints")
		w.must(err)
		if len(listed) != endpoints || sealed != endpoints {
			w.Errorf("%d endpoints, %v of them sealed; there were %d", len(listed), sealed, endpoints)
		}
	}
	w.figures("keys", map[string]any{"kills": *rounds, "answered": answered, "endpoints": endpoints})
}
