package fault_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
	"github.com/hookspan/hookspan/cmd/hookspan/root"
	"github.com/hookspan/hookspan/schemas/schematest"
	"github.com/hookspan/hookspan/sinks/porttest"
)

// What the defaults run is short. A nightly run has -fault.rounds=50 -fault.rate=800
// -fault.events=1000000 -timeout 1h, with -tags disks -fault.cuts=10, and with -tags fleets
// -fault.duration=2m.
var (
	rounds = flag.Int("fault.rounds", number("FAULT_KILLS", 3), "kills of the test of kills (also FAULT_KILLS)")
	rate   = flag.Int("fault.rate", number("FAULT_RATE", 80), "webhooks a second at the most; 0: as many as are answered (also FAULT_RATE)")
	given  = flag.String("fault.binary", "", "the program to test; without it this test binary is the program")
	seed   = flag.Uint64("fault.seed", 0, "makes the choices of a run the same again; 0 takes one by chance")
)

func number(variable string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(variable)); err == nil {
		return n
	}
	return otherwise
}

// programVariable makes a process of this test binary the program and nothing else: nothing has
// to be built while tests run. The long runs are given the binary itself.
const programVariable = "FAULT_BE_HOOKSPAN"

func TestMain(m *testing.M) {
	if text := os.Getenv(natsVariable); text != "" {
		if err := beNATS(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv(programVariable) != "" {
		os.Exit(root.Main())
	}
	// They wait for processes more than they compute: more of them side by side than there are cores.
	if err := flag.Set("test.parallel", fmt.Sprint(max(4, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// A world is one site or several, and what is outside of them.
type world struct {
	*testing.T
	seed     uint64
	rng      *rand.Rand
	logs     string // folder
	sites    []*fault.Site
	site     *fault.Site // the first
	oracle   *fault.Oracle
	receiver *fault.Receiver
	driver   *fault.Driver
}

// newWorld has a site on that folder and nothing running. The environment is beside the
// sources'.
func newWorld(t *testing.T, folder string, environ func(receiver string) []string) *world {
	t.Helper()
	w := newOutside(t)
	w.add(folder, environ(w.receiver.URL)...)
	return w
}

// newOutside is a world without a site.
func newOutside(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, seed: *seed, oracle: fault.NewOracle(), logs: t.TempDir()}
	for w.seed == 0 {
		w.seed = rand.Uint64()
	}
	w.rng = rand.New(rand.NewPCG(w.seed, 3))
	var err error
	w.receiver, err = fault.NewReceiver(w.oracle, w.seed)
	w.must(err)
	t.Cleanup(w.receiver.Close)
	w.driver = fault.NewDriver(w.oracle, w.seed)
	w.driver.Rate = *rate
	t.Cleanup(w.tellOnFailure)
	return w
}

// newSite takes three ports, which nobody else gets between a kill and the next start.
func newSite(t testing.TB, folder, log string, environ ...string) *fault.Site {
	t.Helper()
	binary := *given
	if binary == "" {
		binary, environ = os.Args[0], append(environ[:len(environ):len(environ)], programVariable+"=1")
	}
	at := porttest.Addresses(t, 3)
	fits := func(method, path string, status int, body []byte) {
		t.Helper()
		schematest.Answer(t, method, path, status, body)
	}
	return &fault.Site{Binary: binary, Folder: folder, Log: log, Environ: environ, Intake: at[0], Admin: at[1], Bus: at[2], Answered: fits}
}

// add adds a site, which the driver sends to like to the others.
func (w *world) add(folder string, environ ...string) *fault.Site {
	w.Helper()
	log := filepath.Join(w.logs, fmt.Sprintf("site-%d", len(w.sites)+1))
	s := newSite(w, folder, log, append(fault.Environ(fault.Sources()), environ...)...)
	w.sites = append(w.sites, s)
	w.site = w.sites[0]
	w.driver.Intakes = append(w.driver.Intakes, s.IntakeURL())
	return s
}

// tellOnFailure shows what a failed run needs to be understood and repeated.
func (w *world) tellOnFailure() {
	if !w.Failed() {
		return
	}
	w.Logf("-fault.seed=%d; answers of the intake: %v", w.seed, w.driver.Answers())
	for i, s := range w.sites {
		text, err := os.ReadFile(s.Log)
		if err != nil {
			w.Log(err)
			continue
		}
		const last = 8 << 10
		w.Logf("end of the log of site %d:\n%s", i+1, text[max(0, len(text)-last):])
		if keep := os.Getenv("FAULT_LOGS"); keep != "" {
			path := filepath.Join(keep, fmt.Sprintf("%s-%d.log", strings.ReplaceAll(w.Name(), "/", "-"), i+1))
			w.Logf("all of it: %s (%v)", path, os.WriteFile(path, text, 0o600))
		}
	}
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// within is a context that ends in time, or with the test.
func (w *world) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(w.Context(), d)
	w.Cleanup(cancel)
	return ctx
}

// start runs the program until the test ends at the latest.
func (w *world) start(more ...string) *fault.Child {
	w.Helper()
	c, err := w.site.Start(more...)
	w.must(err)
	w.Cleanup(c.Kill)
	return c
}

// ready is start, and waiting until it serves.
func (w *world) ready(more ...string) *fault.Child {
	w.Helper()
	c := w.start(more...)
	w.must(c.Ready(w.within(30*time.Second), true))
	return c
}

// register makes an endpoint through the API; it is owed what is sent from its answer on.
func (w *world) register(name, content, start string) {
	w.Helper()
	fields := fault.Impatient(w.receiver.URL + "/" + name)
	fields["name"], fields["content"], fields["start"] = name, content, start
	since, err := w.site.Create(w.within(10*time.Second), fields)
	w.must(err)
	if start == "all" {
		since = time.Time{}
	}
	w.oracle.Owe(name, since)
}

// drive sends until stop is called.
func (w *world) drive(connections int) (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.driver.Run(ctx, connections) }()
	stop = func() { cancel(); <-done }
	w.Cleanup(stop)
	return stop
}

// patience is how long nothing at all may arrive before what is missing counts as lost. The
// endpoints are tried again after less than a second, and their timeout is two; shards may have to
// be taken over first, on a busy machine.
const patience = 40 * time.Second

// wake has every endpoint tried at once: behind a breaker that is open, what it is owed would wait
// for the next probe.
func (w *world) wake() {
	w.Helper()
	w.must(fault.Await(w.within(10*time.Second), 50*time.Millisecond, func() bool {
		all, err := w.site.Endpoints(w.Context())
		for _, e := range all {
			status, _, failed := w.site.Write(w.Context(), http.MethodPost, "/v1/endpoints/"+e.ID+"/enable", map[string]any{})
			if failed != nil || status != http.StatusOK {
				return false
			}
		}
		return err == nil
	}))
}

// settle waits for what is on its way, and fails the test if anything is lost or wrong.
func (w *world) settle() fault.Verdict {
	w.Helper()
	w.receiver.Set(nil)
	w.must(w.oracle.Drain(w.within(5*time.Minute), patience))
	v := w.oracle.Verdict()
	if v.Lost > 0 {
		w.Errorf("%d of %d deliveries are lost:\n%s", v.Lost, v.Owed, strings.Join(v.Missing, "\n"))
	}
	if v.Accepted == 0 {
		w.Error("no event was acknowledged")
	}
	w.noFaults(v)
	return v
}

func (w *world) noFaults(v fault.Verdict) {
	w.Helper()
	if len(v.Faults) > 0 {
		w.Errorf("what must never happen:\n%s", strings.Join(v.Faults, "\n"))
	}
}

// figures prints one line of JSON.
func (w *world) figures(name string, f map[string]any) {
	f["name"], f["seed"] = name, w.seed
	fmt.Println(fault.Line(f))
}
