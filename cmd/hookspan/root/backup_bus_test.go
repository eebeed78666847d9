package root_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A backed is an installation with a past: what its endpoints took, refused and wait for.
type backed struct {
	*crew
	events          []string // before the first backup
	early           []string // of them, what paused took while its owner had not heard of the pause
	online, offline string   // files: while the server ran, and after one more event and its end
}

// What was accepted before the backup is delivered after the restore exactly as it was owed, from
// every kind of bus onto the same kind and others.
func TestBackupIsRestoredOnEveryBus(t *testing.T) {
	t.Parallel()
	onto := map[string]map[string]bool{ // whether that is of the running server
		"embedded": {"embedded": false, "nats": true, "kafka": false},
		"nats":     {"nats": true, "kafka": false},
		"kafka":    {"kafka": true, "embedded": false},
	}
	for _, from := range kinds {
		t.Run("from "+from, func(t *testing.T) {
			t.Parallel()
			b := backUp(t, from)
			for _, to := range kinds {
				if online, ok := onto[from][to]; ok {
					t.Run("onto "+to, func(t *testing.T) { b.restored(t, to, online) })
				}
			}
		})
	}
}

// backUp makes the past and the backups of it.
func backUp(t *testing.T, kind string) *backed {
	t.Helper()
	dir := t.TempDir()
	b := &backed{crew: newCrew(t), online: filepath.Join(dir, "online"), offline: filepath.Join(dir, "offline")}
	environ := append(emptyBus(t, kind), "HOOKSPAN_SEAL_KEY="+sealKey, "HOOKSPAN_ADMIN_TOKEN="+testToken)
	r := launch(t, environ...)
	r.shows("/readyz", http.StatusOK, "ready")
	api := commands(t, "HOOKSPAN_SERVER=http://"+r.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)
	create := func(name string, more ...string) {
		t.Helper()
		api(cli.ExitDone, name, append([]string{"endpoints", "create", name, "--url", b.URL + "/" + name}, more...)...)
	}
	create("fine")
	create("failing", "--schedule", strings.Repeat("3s,", 99)+"3s")
	create("paused")
	r.sets("paused", "pause")
	b.refuse("failing", true)
	for n := range 120 { // enough in a row for a range
		b.events = append(b.events, fmt.Sprintf("e%03d", n))
		r.takes(b.events[n])
	}
	b.await("taken", "fine", b.events...)
	b.await("refused", "failing", firstOwed) // its breaker opens before it has refused all of them, which is an event more
	r.shows("/metrics", http.StatusOK, "hookspan_breakers_opened_total 1")
	create("late")
	b.events = append(b.events, "late")
	r.takes("late")
	b.await("taken", "late", "late")
	if status, body := r.call(http.MethodPost, "http://"+r.IntakeAddr()+"/webhooks/shop", `{`); status != http.StatusOK {
		t.Errorf("what is quarantined is answered %d %s", status, body)
	}

	run := commands(t, append(environ, "HOOKSPAN_ADMIN_LISTEN="+r.AdminAddr())...) // as the server was started
	run(cli.ExitDone, "4 endpoint(s), 12", "backup", b.online)
	run(cli.ExitUsage, "a backup overwrites nothing", "backup", b.online)
	run(cli.ExitDone, "4 endpoint(s), 12", "restore", b.online, "--check")
	if info, err := os.Stat(b.online); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	r.takes("after")
	for _, name := range []string{"fine", "late"} {
		b.await("taken", name, "after")
	}
	r.stop()
	b.early = b.taken("paused")
	var told struct {
		Bus   string
		Holds struct{ Endpoints, Events, Deliveries int }
	}
	if err := json.Unmarshal([]byte(run(cli.ExitDone, "", "backup", b.offline, "--json")), &told); err != nil {
		t.Fatal(err)
	}
	if h := told.Holds; told.Bus != kind || h.Endpoints != 4 || h.Events != 124 || h.Deliveries != 2*122-len(b.early) {
		t.Errorf("the backup holds %+v, and paused took %v", told, b.early)
	}
	b.refuse("failing", false)
	return b
}

// restored puts one of the backups onto an empty bus and sees what a server there delivers.
func (b *backed) restored(t *testing.T, kind string, online bool) {
	t.Helper()
	crew, file, owed := b.crew, b.offline, append(slices.Clone(b.events), "after")
	if online {
		file, owed = b.online, b.events
	}
	paused := slices.DeleteFunc(slices.Clone(owed), func(id string) bool { return slices.Contains(b.early, id) })
	crew.t = t
	crew.forget()
	environ := emptyBus(t, kind)
	run := commands(t, append(environ, "HOOKSPAN_SEAL_KEY="+sealKey)...)
	wrong := commands(t, append(environ, "HOOKSPAN_SEAL_KEY=QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=")...)
	wrong(cli.ExitFailed, "sealed with a key that is not given", "restore", file)
	run(cli.ExitDone, "It was restored", "restore", file)
	run(cli.ExitFailed, "the bus is not empty", "restore", file)

	r := launch(t, append(environ, "HOOKSPAN_SEAL_KEY="+sealKey)...)
	r.shows("/readyz", http.StatusOK, "ready")
	crew.await("taken", "failing", owed...)
	r.sets("paused", "enable")
	crew.await("taken", "paused", paused...)
	r.takes(b.events[0]) // its provider sends it again
	r.takes("new")
	for _, name := range []string{"fine", "failing", "paused", "late"} {
		crew.await("taken", name, "new")
	}
	r.stop()
	crew.got("failing", false, append(slices.Clone(owed), "new")...)
	crew.got("paused", false, append(paused, "new")...)
	crew.got("fine", online, "new") // what was delivered in the moment of the backup may come again
	crew.got("late", online, "new")
	again, first := crew.attempt["failing"], crew.attempt["paused"]
	if first != 1 && !slices.Contains(b.early, firstOwed) || again < 2 && !online {
		t.Errorf("attempts were counted from %d for what had been refused, from %d for what had not been sent", again, first)
	}
}
