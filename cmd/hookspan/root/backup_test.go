package root_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/root"
)

// A crew is endpoints that note what they took, how often they refused what, and with which
// attempt.
type crew struct {
	*httptest.Server
	t     *testing.T
	moved chan struct{} // one slot: the handler sends, await receives

	mu      sync.Mutex
	refuses map[string]bool           // by endpoint
	refused map[string]map[string]int // by endpoint and event
	took    map[string]map[string]int
	attempt map[string]int // with which an endpoint took the first event
}

const firstOwed = "e000"

func newCrew(t *testing.T) *crew {
	c := &crew{t: t, moved: make(chan struct{}, 1), refuses: map[string]bool{}}
	c.forget()
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *crew) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused, c.took, c.attempt = map[string]map[string]int{}, map[string]map[string]int{}, map[string]int{}
}

func (c *crew) refuse(name string, yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuses[name] = yes
}

func (c *crew) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, id := r.URL.Path[1:], r.Header.Get("Ce-Id")
	attempt, _ := strconv.Atoi(r.Header.Get("Hookspan-Attempt"))
	c.mu.Lock()
	defer c.mu.Unlock()
	notes := c.took
	if c.refuses[name] {
		notes = c.refused
		w.WriteHeader(http.StatusInternalServerError)
	} else if id == firstOwed {
		c.attempt[name] = attempt
	}
	if notes[name] == nil {
		notes[name] = map[string]int{}
	}
	notes[name][id]++
	select {
	case c.moved <- struct{}{}:
	default:
	}
}

// await waits until an endpoint has noted all of these.
func (c *crew) await(what, name string, ids ...string) {
	c.t.Helper()
	limit := time.After(time.Minute)
	for {
		c.mu.Lock()
		notes := c.took
		if what == "refused" {
			notes = c.refused
		}
		missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return notes[name][id] > 0 })
		c.mu.Unlock()
		if len(missing) == 0 {
			return
		}
		select {
		case <-c.moved:
		case <-time.After(100 * time.Millisecond): // another goroutine may have taken the signal
		case <-limit:
			c.t.Fatalf("%s has not %s %d of %d events, such as %s", name, what, len(missing), len(ids), missing[0])
		}
	}
}

// taken are the events that an endpoint took.
func (c *crew) taken(name string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.took[name]))
}

// got holds what an endpoint took against what it was owed.
func (c *crew) got(name string, repeats bool, ids ...string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, times := range c.took[name] {
		if !repeats && (times != 1 || !slices.Contains(ids, id)) {
			c.t.Errorf("%s took %s %d times, it was owed: %v", name, id, times, slices.Contains(ids, id))
		}
	}
	for _, id := range ids {
		if c.took[name][id] == 0 {
			c.t.Errorf("%s has lost %s", name, id)
		}
	}
}

// commands runs the program with settings, and wants its exit code and text.
func commands(t *testing.T, environ ...string) func(code int, says string, args ...string) string {
	return func(code int, says string, args ...string) string {
		t.Helper()
		out, errs, got := hookspan(t, environ, args...)
		if got != code || !strings.Contains(out+errs, says) {
			t.Fatalf("hookspan %s: code %d, want %d and %q in:\n%s%s", strings.Join(args, " "), got, code, says, out, errs)
		}
		return out
	}
}

// sets has the API pause or enable an endpoint.
func (r *replica) sets(name, what string) {
	r.t.Helper()
	if status, body := r.call(http.MethodPost, "http://"+r.AdminAddr()+"/v1/endpoints/"+name+"/"+what, ""); status != http.StatusOK {
		r.t.Fatalf("%s endpoint %s: %d %s", what, name, status, body)
	}
}

// One process at a time has the folder of an embedded bus, so a restore beside one that joined, as
// kubectl exec runs it in a pod, has that one restore.
func TestRestoreBeside(t *testing.T) {
	t.Parallel()
	dir, c := t.TempDir(), newCrew(t)
	settings := func(folder string) []string {
		return []string{"HOOKSPAN_DATA_DIR=" + filepath.Join(dir, folder), "HOOKSPAN_EMBEDDED_MAX_STORE=64MB", "HOOKSPAN_SEAL_KEY=" + sealKey, "HOOKSPAN_ADMIN_TOKEN=" + testToken}
	}
	c.refuse("crm", true)
	r := launch(t, settings("old")...)
	r.shows("/readyz", http.StatusOK, "ready")
	commands(t, "HOOKSPAN_SERVER=http://"+r.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)(
		cli.ExitDone, "crm", "endpoints", "create", "crm", "--url", c.URL+"/crm", "--schedule", strings.Repeat("1s,", 99)+"1s")
	r.takes("first")
	c.await("refused", "crm", "first")
	r.stop()
	file := filepath.Join(dir, "backup")
	commands(t, settings("old")...)(cli.ExitDone, "1 endpoint(s), 1 event(s)", "backup", file)

	restore := func(code int, says string) {
		t.Helper()
		in, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		var out bytes.Buffer
		term := &cli.Terminal{In: in, Out: &out, Err: &out, Environ: settings("new")}
		if got := term.Run(t.Context(), root.Command, []string{"restore", "-", "--timeout", "2s"}); got != code || !strings.Contains(out.String(), says) {
			t.Errorf("restore: code %d, want %d and %q in:\n%s", got, code, says, out.String())
		}
	}
	beside := join(t, settings("new"))
	await(t, beside.open)
	restore(cli.ExitDone, "It was restored")
	restore(cli.ExitFailed, "the bus is not empty")
	beside.interrupt()
	c.refuse("crm", false)
	r = launch(t, settings("new")...)
	r.shows("/readyz", http.StatusOK, "ready")
	restore(cli.ExitFailed, "a server has the data folder")
	c.await("taken", "crm", "first")
	next := join(t, settings("new"))
	await(t, next.waits)
	r.stop()
	await(t, next.open)
	if info, err := os.Stat(filepath.Join(dir, "new", "restore.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info, err)
	}
	next.interrupt()
	c.got("crm", false, "first")
	if left, err := filepath.Glob(filepath.Join(dir, "new", "*.sock")); err != nil || len(left) > 0 {
		t.Errorf("%v stays behind, %v", left, err)
	}
}

// A restore that cannot be had says so at once, and one that waits for its input can be interrupted.
func TestRestoresThatEndEarly(t *testing.T) {
	t.Parallel()
	long := "HOOKSPAN_DATA_DIR=" + filepath.Join(t.TempDir(), strings.Repeat("long", 20))
	commands(t, long)(cli.ExitFailed, "at most 103 can be had: name the data folder by a shorter", "restore", "--join")

	silent, _ := io.Pipe()
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var out bytes.Buffer
	term := &cli.Terminal{In: silent, Out: &out, Err: &out, Environ: []string{"TMPDIR=" + t.TempDir()}}
	if code := term.Run(ctx, root.Command, []string{"restore", "-"}); code != cli.ExitFailed || !strings.Contains(out.String(), "take in the backup: context canceled") {
		t.Errorf("interrupted: code %d, %s", code, out.String())
	}
}

// A joined is a process that has the bus open for a restore.
type joined struct {
	waits     chan struct{} // closed once it waits for another one that has the folder
	open      chan struct{} // closed once it can be told of a file
	interrupt func()
}

// join runs restore --join until it is interrupted.
func join(t *testing.T, environ []string) joined {
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	waits, open, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		term := &cli.Terminal{In: strings.NewReader(""), Out: in, Err: in, Environ: environ}
		if code := term.Run(ctx, root.Command, []string{"restore", "--join"}); code != cli.ExitDone {
			t.Errorf("restore --join ended with code %d", code)
		}
		_ = in.Close() // never fails
	}()
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "Waiting for the process"):
				close(waits)
			case strings.HasPrefix(line, "The bus is open"):
				close(open)
			}
		}
	}()
	j := joined{waits, open, func() { cancel(); <-ended }}
	t.Cleanup(j.interrupt)
	return j
}

func await(t *testing.T, said chan struct{}) {
	t.Helper()
	select {
	case <-said:
	case <-time.After(time.Minute):
		t.Fatal("restore --join does not come so far")
	}
}

// A file that is not right changes nothing, and nothing but a server's own is taken for a backup.
func TestWrongBackups(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, folder := filepath.Join(dir, "text"), filepath.Join(dir, "data")
	if err := os.WriteFile(text, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := commands(t, "HOOKSPAN_DATA_DIR="+folder)
	run(cli.ExitFailed, "this is no backup of Hookspan", "restore", text)
	run(cli.ExitUsage, "no such file", "restore", filepath.Join(dir, "none"))
	run(cli.ExitFailed, "there is no data folder", "backup", filepath.Join(dir, "new"))
	run(cli.ExitUsage, "--since: want all, none or", "backup", filepath.Join(dir, "new"), "--since", "yesterday")
	for _, path := range []string{folder, filepath.Join(dir, "new")} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s was made", path)
		}
	}
}
