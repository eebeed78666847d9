package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/cluster"
	"github.com/hookspan/hookspan/sinks/jetstream/natstest"
	"github.com/hookspan/hookspan/sinks/porttest"
)

func TestAFolderStaysWithItsServer(t *testing.T) {
	t.Parallel()
	memberOf := func(name, server, dir string) embedded.Options {
		peers := porttest.Addresses(t, 3)
		return embedded.Options{Dir: dir, Membership: cluster.Membership{Cluster: name, ServerName: server, RoutesListen: peers[0], Peers: peers}}
	}
	run := func(t *testing.T, o embedded.Options) {
		t.Helper()
		s, err := embedded.Open(within(t), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		before func(t *testing.T, dir string)
		now    func(dir string) embedded.Options
		err    error
		says   []string
	}{
		"one that ran alone joins no cluster": {
			func(t *testing.T, dir string) { open(t, embedded.Options{Dir: dir}).close() },
			func(dir string) embedded.Options { return memberOf("orders", "a", dir) },
			embedded.ErrOtherMode, []string{"ran alone", "empty folder"},
		},
		"one of a cluster does not run alone": {
			func(t *testing.T, dir string) { run(t, memberOf("orders", "a", dir)) },
			func(dir string) embedded.Options { return embedded.Options{Dir: dir} },
			embedded.ErrOtherMode, []string{"that of a in the cluster orders", "empty folder"},
		},
		"nor in another cluster": {
			func(t *testing.T, dir string) { run(t, memberOf("orders", "a", dir)) },
			func(dir string) embedded.Options { return memberOf("invoices", "a", dir) },
			embedded.ErrOtherMode, []string{"orders, not invoices"},
		},
		"nor under another name": {
			func(t *testing.T, dir string) { run(t, memberOf("orders", "a", dir)) },
			func(dir string) embedded.Options { return memberOf("orders", "b", dir) },
			embedded.ErrOtherMode, []string{"as that of a, not b"},
		},
		"it keeps the name that it has": {
			func(t *testing.T, dir string) { run(t, memberOf("orders", "a", dir)) },
			func(dir string) embedded.Options { return memberOf("orders", "", dir) },
			nil, nil,
		},
		"a note that cannot be read stops it": {
			func(t *testing.T, dir string) {
				if err := os.WriteFile(filepath.Join(dir, "member.json"), []byte(`{"cluster":`), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			func(dir string) embedded.Options { return memberOf("orders", "a", dir) },
			nil, []string{"member.json", "restore it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := natstest.Folder(t)
			c.before(t, dir)
			now := c.now(dir)
			checked := now.Check()
			s, err := embedded.Open(within(t), now)
			if (checked == nil) != (err == nil) || checked != nil && checked.Error() != err.Error() {
				t.Errorf("the check says %v, open %v", checked, err)
			}
			if err == nil {
				defer s.Close()
			}
			if c.err == nil && c.says == nil {
				if st, _ := s.Standing(); err != nil || st.Server != "a" {
					t.Errorf("%v, %+v", err, st)
				}
				return
			}
			if err == nil || c.err != nil && !errors.Is(err, c.err) || !containsAll(err.Error(), c.says...) {
				t.Errorf("open: %v, want %v that says %q", err, c.err, c.says)
			}
		})
	}
}
