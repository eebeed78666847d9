//go:build fleets

package root_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/porttest"
)

// Three processes with embedded buses form a cluster; what one takes in survives its end.
func TestReplicasFormACluster(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 100) // the endpoint sends, the test receives
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived <- r.Header.Get("Ce-Id") }))
	t.Cleanup(endpoint.Close)
	routes := porttest.Addresses(t, 3)
	members := make([]*replica, len(routes))
	for i := range members {
		members[i] = launch(t, "HOOKSPAN_EMBEDDED_CLUSTER=tested", "HOOKSPAN_EMBEDDED_PEERS="+strings.Join(routes, ","),
			"HOOKSPAN_EMBEDDED_ROUTES_LISTEN="+routes[i], "HOOKSPAN_SEAL_KEY="+sealKey, "HOOKSPAN_EMBEDDED_SYNC=lazy",
			"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL="+endpoint.URL, "HOOKSPAN_ENDPOINT_CRM_SIGNATURE=none")
	}
	for _, m := range members {
		m.shows("/readyz", http.StatusOK, "ready")
	}
	members[0].takes("first")
	if id := <-arrived; id != "first" {
		t.Errorf("the endpoint got %s", id)
	}
	for _, m := range members {
		m.shows("/v1/deliveries?event=first", http.StatusOK, `"status":"delivered"`)
	}
	members[0].stop()
	for _, m := range members[1:] {
		m.shows("/readyz", http.StatusOK, "ready")
		m.shows("/metrics", http.StatusOK, "hookspan_shards_owned 16")
	}
	members[1].shows("/metrics", http.StatusOK, "hookspan_dedup_ids 1")
	members[1].takes("first")
	members[1].takes("second")
	if id := <-arrived; id != "second" {
		t.Errorf("the endpoint got %s, want the second event alone", id)
	}
}

// From a server alone to a cluster of three, a member that has lost its folder, and from three to
// one, by the steps of the README: what is owed is delivered once each, and what was delivered is
// not delivered again.
func TestFromOneToThreeAndBack(t *testing.T) {
	t.Parallel()
	g := newGrowing(t)
	g.alonePast()

	zero, first := join(t, g.member(0)), join(t, g.member(1))
	commands(t, g.member(2)...)(cli.ExitDone, "It was restored", "restore", g.file("of-one"), "--timeout", "1m")
	zero.interrupt()
	first.interrupt()
	members := make([]*replica, 3)
	for i := range members {
		members[i] = launch(t, g.member(i)...)
	}
	for _, m := range members {
		m.shows("/readyz", http.StatusOK, "ready")
	}
	g.pays("first", "second")

	members[1].stop()
	if err := os.RemoveAll(g.file("member-1")); err != nil {
		t.Fatal(err)
	}
	members[1] = launch(t, g.member(1)...)
	members[1].shows("/readyz", http.StatusOK, "ready")
	members[0].stop() // so that the new one is needed
	members[1].shows("/readyz", http.StatusOK, "ready")
	g.owe(members[1], "third")

	members[0] = launch(t, append(g.member(0), "HOOKSPAN_ROLES=admin")...)
	members[0].shows("/readyz", http.StatusOK, "ready")
	for i := 1; i < 3; i++ {
		members[i].stop()
		members[i] = launch(t, append(g.member(i), "HOOKSPAN_ROLES=admin")...)
		members[i].shows("/readyz", http.StatusOK, "ready")
	}
	commands(t, append(g.member(0), "HOOKSPAN_ADMIN_LISTEN="+members[0].AdminAddr())...)(cli.ExitDone, "2 endpoint(s), ", "backup", g.file("of-three"))
	for _, m := range members {
		m.end()
		<-m.done // with an error where the others have gone
	}
	commands(t, g.alone("again")...)(cli.ExitDone, "It was restored", "restore", g.file("of-three"))
	again := launch(t, g.alone("again")...)
	again.shows("/readyz", http.StatusOK, "ready")
	g.pays("third")
	g.owe(again, "fourth")
	g.pays("fourth")
	again.stop()
}

// As in the pods of a StatefulSet: all members are there for a restore, which is told to one of them,
// and then they become servers from the last to the first, each once the one before is ready.
func TestRestoreOntoPods(t *testing.T) {
	t.Parallel()
	g := newGrowing(t)
	g.alonePast()

	var pods []joined
	for i := range 3 {
		pods = append(pods, join(t, g.member(i)))
	}
	for _, pod := range pods {
		await(t, pod.open)
	}
	commands(t, g.member(0)...)(cli.ExitDone, "It was restored", "restore", g.file("of-one"), "--timeout", "1m")
	for i := 2; i >= 0; i-- {
		pods[i].interrupt()
		launch(t, g.member(i)...).shows("/readyz", http.StatusOK, "ready")
	}
	g.pays("first", "second")
}

// A growing is an installation that moves, and its endpoints: one takes what comes, one refuses it
// until it pays.
type growing struct {
	*crew
	dir    string
	routes []string
	sent   []string // that the first has taken
}

func newGrowing(t *testing.T) *growing {
	g := &growing{crew: newCrew(t), dir: t.TempDir(), routes: porttest.Addresses(t, 3)}
	g.refuse("failing", true)
	return g
}

func (g *growing) file(name string) string { return filepath.Join(g.dir, name) }

func (g *growing) alone(folder string) []string {
	return []string{
		"HOOKSPAN_DATA_DIR=" + g.file(folder), "HOOKSPAN_EMBEDDED_MAX_STORE=64MB", "HOOKSPAN_SEAL_KEY=" + sealKey, "HOOKSPAN_ADMIN_TOKEN=" + testToken,
	}
}

func (g *growing) member(i int) []string {
	return append(g.alone(fmt.Sprintf("member-%d", i)), "HOOKSPAN_EMBEDDED_CLUSTER=grown", "HOOKSPAN_EMBEDDED_SYNC=lazy", "HOOKSPAN_LEASE=3s",
		"HOOKSPAN_EMBEDDED_PEERS="+strings.Join(g.routes, ","), "HOOKSPAN_EMBEDDED_ROUTES_LISTEN="+g.routes[i])
}

// alonePast is that of a server alone, in the backup of-one: each endpoint took or refused two events.
func (g *growing) alonePast() {
	g.t.Helper()
	one := launch(g.t, g.alone("one")...)
	one.shows("/readyz", http.StatusOK, "ready")
	api := commands(g.t, "HOOKSPAN_SERVER=http://"+one.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN="+testToken)
	for _, name := range []string{"fine", "failing"} {
		api(cli.ExitDone, name, "endpoints", "create", name, "--url", g.URL+"/"+name, "--schedule", strings.Repeat("1s,", 99)+"1s")
	}
	g.owe(one, "first", "second")
	one.stop()
	commands(g.t, g.alone("one")...)(cli.ExitDone, "2 endpoint(s), 2 event(s)", "backup", g.file("of-one"))
}

// owe sends events that one endpoint takes and the other is owed.
func (g *growing) owe(r *replica, ids ...string) {
	g.t.Helper()
	for _, id := range ids {
		r.takes(id)
	}
	g.sent = append(g.sent, ids...)
	g.await("taken", "fine", ids...)
	g.await("refused", "failing", ids...)
}

// pays has the endpoint that refused take what it is owed.
func (g *growing) pays(ids ...string) {
	g.t.Helper()
	g.refuse("failing", false)
	g.await("taken", "failing", ids...)
	g.got("failing", false, g.sent...)
	g.got("fine", false, g.sent...)
	g.refuse("failing", true)
}
