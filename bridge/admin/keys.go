package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/problem"
)

// rotationTime bounds how long sealing anew may take: of ten thousand endpoints about a minute.
const rotationTime = 10 * time.Minute

// ErrKeysGiven is NewKey's where the process does not keep the seal keys itself.
var ErrKeysGiven = errors.New("the seal keys are given by HOOKSPAN_SEAL_KEY: put a new one in front there, in all replicas, and leave this out")

// A sealKeys is the answer about the seal keys; the keys themselves are never shown.
type sealKeys struct {
	Newest   string        `json:"newest"` // "": the process has none
	Keys     []sealKey     `json:"keys"`
	Replicas []replicaView `json:"replicas"`
}

type sealKey struct {
	ID        string `json:"id"`
	Given     bool   `json:"given"` // to this process
	Endpoints int    `json:"endpoints"`
}

// A replicaView is another process of the installation, as it was heard of last.
type replicaView struct {
	Name string    `json:"name"`
	Seen time.Time `json:"seen"`
	Keys []string  `json:"keys"`
}

// A resealed is the answer to a rotation.
type resealed struct {
	Key     string        `json:"key"`
	Sealed  int           `json:"sealed"`
	Already int           `json:"already"`
	Failed  []notSealed   `json:"failed"`
	Lacking []replicaView `json:"lacking"`
}

type notSealed struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

// listKeys says which seal keys there are, what each seals, and which replica has which.
func (a *api) listKeys(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err(); err != nil {
		return err
	}
	if _, err := a.Registry.Refresh(r.Context()); err != nil {
		return err
	}
	v := sealKeys{Keys: []sealKey{}, Replicas: a.replicas(func(delivery.Presence) bool { return true })}
	for i, k := range a.Registry.Keys() {
		if i == 0 && k.Given {
			v.Newest = k.ID
		}
		v.Keys = append(v.Keys, sealKey(k))
	}
	return write(w, http.StatusOK, v)
}

// rotateKeys seals anew with the newest key what others have sealed. It may be asked for again and
// again, of any replica, also where an earlier one was cut off.
func (a *api) rotateKeys(w http.ResponseWriter, r *http.Request) error {
	fresh, err := readNew(w, r)
	if err != nil {
		return err
	}
	control := http.NewResponseController(w) // a writer that has no deadlines needs none moved
	_ = control.SetReadDeadline(time.Now().Add(rotationTime))
	_ = control.SetWriteDeadline(time.Now().Add(rotationTime))
	ctx, cancel := context.WithTimeout(r.Context(), rotationTime)
	defer cancel()
	if fresh {
		if err := a.newKey(ctx); err != nil {
			return err
		}
	}
	done, err := a.Registry.Reseal(ctx)
	v := resealed{Key: done.Key, Sealed: done.Sealed, Already: done.Already, Failed: []notSealed{}, Lacking: a.replicas(func(p delivery.Presence) bool {
		return !slices.Contains(p.Keys, done.Key)
	})}
	for _, f := range done.Failed {
		v.Failed = append(v.Failed, notSealed{f.ID, f.Name, f.Err.Error()})
		a.Log.Warn("endpoint is not sealed with the newest key", "endpoint", f.Name, "endpoint_id", f.ID, "error", f.Err)
	}
	if v.Sealed > 0 || err == nil {
		a.Log.Info("endpoint secrets sealed with the newest key", "endpoints", v.Sealed, "seal_key", v.Key, "by", r.Method+" "+r.URL.Path)
	}
	if err != nil && passing(err) {
		w.Header().Set("Retry-After", "1")
		return problem.New(problem.Unavailable).With(fmt.Sprintf("the bus took %d endpoints sealed anew, and then no more: ask again, and the rest is done", v.Sealed))
	}
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, v)
}

// passing: the bus may take it a little later.
func passing(err error) bool {
	return errors.Is(err, bus.ErrUnavailable) || errors.Is(err, bus.ErrDiskFull) || errors.Is(err, bus.ErrStoreFull) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// readNew reads whether a new key is to be made first.
func readNew(w http.ResponseWriter, r *http.Request) (fresh bool, err error) {
	fields, err := readObject(w, r, true)
	if err != nil {
		return false, err
	}
	p := &patch{}
	for name, raw := range fields {
		if name != "new" {
			p.fault(name, "is not known; a rotation of the seal keys takes new")
		} else if json.Unmarshal(raw, &fresh) != nil {
			p.fault(name, "must be true or false")
		}
	}
	if len(p.faults) > 0 {
		return false, problem.New(problem.Invalid).With("", p.faults...)
	}
	return fresh, nil
}

func (a *api) newKey(ctx context.Context) error {
	err := ErrKeysGiven
	if a.NewKey != nil {
		err = a.NewKey(ctx)
	}
	if errors.Is(err, ErrKeysGiven) {
		return problem.New(problem.Invalid).With("", problem.Field{Path: "new", Message: ErrKeysGiven.Error()})
	}
	if err == nil {
		a.Log.Info("seal key made", "seal_key", a.Registry.Keys()[0].ID)
	}
	return err
}

func (a *api) replicas(wanted func(delivery.Presence) bool) []replicaView {
	all := []replicaView{}
	if a.Replicas == nil {
		return all
	}
	for _, p := range a.Replicas() {
		if wanted(p) {
			all = append(all, replicaView{p.Replica, p.At, append([]string{}, p.Keys...)})
		}
	}
	return all
}
