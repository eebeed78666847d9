//go:build fleets

package root_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
)

// A keyed replica has its seal keys in a file of its own.
type keyed struct {
	*replica
	file   string
	hangup chan struct{}
}

func launchKeyed(t *testing.T, keys string, environ ...string) *keyed {
	t.Helper()
	k := &keyed{file: filepath.Join(t.TempDir(), "seal-key"), hangup: make(chan struct{})}
	k.write(t, keys)
	k.replica = launchReloading(t, k.hangup, append([]string{"HOOKSPAN_SEAL_KEY_FILE=" + k.file}, environ...)...)
	return k
}

func (k *keyed) write(t *testing.T, keys string) {
	t.Helper()
	if err := os.WriteFile(k.file, []byte(keys+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// given has the replica read other keys while it runs.
func (k *keyed) given(keys string) {
	k.t.Helper()
	k.write(k.t, keys)
	for range 2 { // the second is heard once the first is over
		k.hangup <- struct{}{}
	}
}

// runs is a command of the replica's operator that ends with the code, and says all of these.
func (k *keyed) runs(code int, args []string, says ...string) string {
	k.t.Helper()
	out, errs, got := hookspan(k.t, []string{"HOOKSPAN_SERVER=http://" + k.AdminAddr(), "HOOKSPAN_ADMIN_TOKEN=" + testToken}, args...)
	for _, want := range says {
		if got != code || !strings.Contains(out+errs, want) {
			k.t.Errorf("%v: code %d, want %d and %q:\n%s%s", args, got, code, want, out, errs)
		}
	}
	return out
}

// A fleet goes over to a newer seal key replica by replica, without a restart: which of them lacks it
// is said, none loses an endpoint or takes the newer key away, and in the end the old one can go.
func TestSealKeysAreRotatedInAFleet(t *testing.T) {
	t.Parallel()
	key := func(fill byte) (key, id string) {
		raw := bytes.Repeat([]byte{fill}, endpoint.KeyBytes)
		s, err := endpoint.NewSealer(raw)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(raw), s.Newest()
	}
	one, oneID := key(1)
	two, twoID := key(2)
	arrived := make(chan string, 100) // the endpoints send, the test receives
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- r.URL.Path + " " + r.Header.Get("Ce-Id") + " " + r.Header.Get("X-Key")
	}))
	t.Cleanup(receiver.Close)
	bus := onNATS(natstest.Start(t, 1, natstest.Config{}))
	a, b := launchKeyed(t, one, bus...), launchKeyed(t, one, bus...)
	for _, k := range []*keyed{a, b} {
		k.shows("/metrics", http.StatusOK, "hookspan_shards_owned 16")
		k.shows("/v1/keys", http.StatusOK, `"replicas":[{"name":`)
	}
	gets := func(want ...string) {
		t.Helper()
		got := map[string]bool{}
		for range want {
			got[<-arrived] = true
		}
		for _, w := range want {
			if !got[w] {
				t.Errorf("%q did not arrive, but %v", w, got)
			}
		}
	}
	a.runs(cli.ExitDone, []string{"endpoints", "create", "crm", "--url", receiver.URL + "/crm", "--header", "X-Key: canary"}, "created crm")
	b.shows("/v1/keys", http.StatusOK, `"endpoints":1`)
	b.takes("before")
	gets("/crm before canary")

	a.given(two + " " + one)
	a.runs(cli.ExitDone, []string{"keys", "rotate"}, "1 endpoint(s) sealed anew with the key "+twoID+", 0 were already", "lacks the key: replica ")
	b.shows("/v1/endpoints/crm", http.StatusOK, "sealed with a key that this process lacks")
	b.shows("/metrics", http.StatusOK, `hookspan_sealed_endpoints{key="missing"} 1`)
	b.runs(cli.ExitDone, []string{"endpoints", "update", "crm", "--concurrency", "3"}, "updated crm")
	b.runs(cli.ExitFailed, []string{"endpoints", "rotate", "crm"}, "the key with id "+twoID, "HOOKSPAN_SEAL_KEY")
	b.runs(cli.ExitFailed, []string{"keys", "rotate"}, "not sealed anew: crm: ", "keep the others")
	b.runs(cli.ExitDone, []string{"keys"}, "missing here")
	b.runs(cli.ExitDone, []string{"endpoints", "create", "erp", "--url", receiver.URL + "/erp", "--header", "X-Key: canary"}, "created erp")
	a.shows("/v1/endpoints/erp", http.StatusOK, `"enabled"`)
	a.takes("between")
	gets("/crm between canary", "/erp between canary")

	b.given(two + " " + one)
	a.shows("/v1/keys", http.StatusOK, `"keys":["`+twoID+`","`+oneID+`"]`)
	out := a.runs(cli.ExitDone, []string{"keys", "rotate", "--json"}, `"sealed": 1`)
	var done struct {
		Already int
		Lacking []any
	}
	if err := json.Unmarshal([]byte(out), &done); err != nil || done.Already != 1 || len(done.Lacking) != 0 {
		t.Errorf("answered %s, %v", out, err)
	}
	a.runs(cli.ExitDone, []string{"keys", "rotate"}, "0 endpoint(s) sealed anew", "put it in front in HOOKSPAN_SEAL_KEY first")
	for _, k := range []*keyed{a, b} {
		k.given(two)
		k.runs(cli.ExitDone, []string{"keys"}, twoID)
	}
	a.stop()
	c := launchKeyed(t, two, bus...)
	for _, k := range []*keyed{b, c} {
		k.shows("/metrics", http.StatusOK, "hookspan_shards_owned 16")
	}
	b.runs(cli.ExitDone, []string{"endpoints", "rotate", "erp"}, "shown this once")
	c.takes("after")
	gets("/crm after canary", "/erp after canary")
	c.stop()
	b.stop()
}
