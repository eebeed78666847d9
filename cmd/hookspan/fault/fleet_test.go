//go:build fleets && unix

package fault_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/fault"
	"github.com/hookspan/hookspan/sinks/porttest"
)

var (
	lasts = flag.Duration("fault.duration", duration("FAULT_DURATION", 20*time.Second), "how long a fleet is under fire (also FAULT_DURATION)")
	lease = flag.Duration("fault.lease", 3*time.Second, "of a fleet's replicas")
)

func duration(variable string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(variable)); err == nil {
		return d
	}
	return otherwise
}

// A fleet is several replicas of one Hookspan on one bus, and what is outside of them.
type fleet struct {
	*world
	on       kind
	lease    time.Duration
	bus      *cluster // nil: the replicas are the bus
	replicas []*replica

	all      fault.Beats // successes of any endpoint
	mu       sync.Mutex
	arrivals map[string]*fault.Beats // by endpoint
}

// A replica is one of them.
type replica struct {
	name  string
	site  *fault.Site
	child *fault.Child // the newest
}

// A kind of bus, and how a fleet gets one.
type kind struct {
	name string
	// cluster makes the servers; nil: the replicas are the bus.
	cluster func(t *testing.T, n int, proxied bool) *cluster
	// twice: it may hold an event twice when a request was not answered.
	twice   bool
	environ []string
}

func onNATS() kind { return kind{name: "nats", cluster: newNATS} }
func onKafka() kind {
	return kind{name: "kafka", cluster: newKafka, twice: true, environ: []string{"HOOKSPAN_KAFKA_PARTITIONS=3"}} // for two cores
}
func ofThemAll() kind { return kind{name: "embedded cluster"} }

// sealKey seals what the API keeps on the bus.
const sealKey = "a-key-of-32-bytes-for-all-tests!"

// A size is how many processes of each sort a fleet has.
type size struct {
	servers, replicas int
	proxied           bool // a proxy stands in front of each server
}

// newFleet has nothing running. The environment is that of every replica. A fleet takes minutes
// and a machine of its own, so these tests are built with -tags fleets alone.
func newFleet(t *testing.T, on kind, of size, environ func(receiver string) []string) *fleet {
	t.Helper()
	f := &fleet{on: on, lease: *lease, arrivals: map[string]*fault.Beats{}}
	if on.cluster != nil {
		f.bus = on.cluster(t, of.servers, of.proxied)
	}
	f.world = newOutside(t)
	if on.twice {
		f.oracle.AllowTwice()
	}
	f.receiver.Arrived = func(a fault.Arrival) {
		f.all.Add(a.At)
		f.beats(a.Endpoint).Add(a.At)
		f.oracle.Arrived(a)
	}
	env := append(environ(f.receiver.URL), "HOOKSPAN_SEAL_KEY="+base64.StdEncoding.EncodeToString([]byte(sealKey)),
		fmt.Sprintf("HOOKSPAN_LEASE=%s", f.lease), fmt.Sprintf("HOOKSPAN_PUBLISH_TIMEOUT=%s", publishTimeout))
	env = append(env, on.environ...)
	members := f.members(of.replicas)
	for i := range of.replicas {
		name := fmt.Sprintf("replica-%d", i+1)
		site := f.add(filepath.Join(t.TempDir(), name), slices.Concat(env, members(i))...)
		site.Bus = ""
		f.replicas = append(f.replicas, &replica{name: name, site: site})
	}
	return f
}

// publishTimeout is shorter than the default, so that a run meets it more often.
const publishTimeout = 3 * time.Second

// members tells each replica where its bus is, which may be themselves.
func (f *fleet) members(n int) func(i int) []string {
	if f.bus != nil {
		return func(int) []string { return []string{"HOOKSPAN_BUS=" + f.bus.url} }
	}
	routes := porttest.Addresses(f, n)
	return func(i int) []string {
		return []string{
			"HOOKSPAN_EMBEDDED_CLUSTER=fault", "HOOKSPAN_EMBEDDED_ROUTES_LISTEN=" + routes[i],
			"HOOKSPAN_EMBEDDED_PEERS=" + strings.Join(routes, ","),
		}
	}
}

// beats are the successes of an endpoint.
func (f *fleet) beats(endpoint string) *fault.Beats {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.arrivals[endpoint]
	if b == nil {
		b = &fault.Beats{}
		f.arrivals[endpoint] = b
	}
	return b
}

// endpoints are those that anything has arrived at.
func (f *fleet) endpoints() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.arrivals))
}

// serve starts the bus and the replicas and waits until each of them takes webhooks.
func (f *fleet) serve() {
	f.Helper()
	if f.bus != nil {
		f.bus.start()
	}
	for _, r := range f.replicas {
		f.boot(r)
	}
	for _, r := range f.replicas {
		f.must(r.child.Ready(f.within(time.Minute), true))
	}
}

// boot starts a replica until the test ends at the latest.
func (f *fleet) boot(r *replica) {
	f.Helper()
	var err error
	r.child, err = r.site.Start()
	f.must(err)
	f.Cleanup(r.child.Kill)
}
