//go:build disks || fleets

package fault_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
)

// Kills while endpoints are made, changed and deleted through the API: what was answered with
// success is so after the restart.
func TestFaultRegistry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, t.TempDir(), func(string) []string { return nil })
	r := &registrar{world: w, endpoints: map[string]*wanted{}}
	kills := 0
	for ; kills < *rounds || r.missing() && kills < *rounds+24; kills++ {
		c := w.ready()
		r.compare()
		after := time.Duration(50+w.rng.IntN(400)) * time.Millisecond * time.Duration(1 + kills / *rounds) // a busy machine answers later
		ctx, cancel := context.WithTimeout(w.Context(), after)
		done := make(chan struct{})
		go func() { defer close(done); r.write(w.Context(), c) }()
		<-ctx.Done()
		cancel()
		c.Kill()
		<-done
	}
	w.ready()
	r.compare()
	w.figures("registry", map[string]any{"kills": kills, "created": r.created, "changed": r.changed, "deleted": r.deleted, "endpoints": len(r.endpoints)})
	if r.missing() {
		w.Error("the kills came too soon: not every kind of write was answered")
	}
}

// A registrar writes endpoints and remembers what it was answered.
type registrar struct {
	*world
	endpoints                 map[string]*wanted // by name
	next                      int
	created, changed, deleted int
}

// missing reports whether a kind of write was never answered.
func (r *registrar) missing() bool { return r.created == 0 || r.changed == 0 || r.deleted == 0 }

// wanted is what an endpoint may look like after a restart: as answered last, or as asked for
// in a request that was never answered.
type wanted struct {
	id    string
	urls  map[string]bool
	there bool // it was answered that it is there
	gone  bool // it was answered that it is not
	maybe bool // a request whose answer is missing may have made or deleted it
}

// write makes an endpoint, changes it, and deletes every third, until the process is gone.
func (r *registrar) write(ctx context.Context, c *fault.Child) {
	for c.Alive() {
		r.next++
		name := fmt.Sprintf("made-%d", r.next)
		url := func(n int) string { return fmt.Sprintf("%s/%s/%d", r.receiver.URL, name, n) }
		e := &wanted{urls: map[string]bool{url(0): true}, maybe: true}
		r.endpoints[name] = e
		fields := fault.Impatient(url(0))
		fields["name"] = name
		status, made, err := r.site.Write(ctx, http.MethodPost, "/v1/endpoints", fields)
		if !r.answered(status, err, http.StatusCreated) {
			return
		}
		e.id, e.there, e.maybe = made.ID, true, false
		r.created++
		for n := 1; n <= 3; n++ {
			e.urls[url(n)] = true
			status, _, err = r.site.Write(ctx, http.MethodPatch, "/v1/endpoints/"+e.id, map[string]any{"url": url(n)})
			if !r.answered(status, err, http.StatusOK) {
				return
			}
			e.urls = map[string]bool{url(n): true}
			r.changed++
		}
		if r.next%3 != 0 {
			continue
		}
		e.maybe = true
		status, _, err = r.site.Write(ctx, http.MethodDelete, "/v1/endpoints/"+e.id, nil)
		if !r.answered(status, err, http.StatusNoContent) {
			return
		}
		e.there, e.gone, e.maybe = false, true, false
		r.deleted++
	}
}

// answered reports whether the write was answered at all; an answer must be that it was made.
func (r *registrar) answered(status int, err error, want int) bool {
	if err != nil {
		return false
	}
	if status != want {
		r.Errorf("a write was answered %d, want %d", status, want)
		return false
	}
	return true
}

// compare holds what the API lists against what it has answered.
func (r *registrar) compare() {
	r.Helper()
	listed, err := r.site.Endpoints(r.within(10 * time.Second))
	r.must(err)
	for name, want := range r.endpoints {
		e, there := listed[name]
		switch {
		case want.maybe:
			want.there, want.gone, want.maybe, want.id = there, !there, false, e.ID
		case want.there != there:
			r.Errorf("endpoint %s: there %t, answered %t", name, there, want.there)
			continue
		}
		if there && !want.urls[e.URL] {
			r.Errorf("endpoint %s: its URL is %s, answered was one of %v", name, e.URL, want.urls)
		}
		if there {
			want.urls = map[string]bool{e.URL: true} // what it is now stays
		}
	}
	for name := range listed {
		if r.endpoints[name] == nil {
			r.Errorf("endpoint %s is there, and nobody made it", name)
		}
	}
}
