package kafka

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
)

func TestLeases(t *testing.T) {
	t.Parallel()
	bustest.Leases(t, func(t *testing.T) bustest.Sharing {
		return sharing(brokers(t).ListenAddrs(), "hookspan.dispatchers", 2*time.Second)
	})
}

// HOOKSPAN_TEST_KAFKA lists real brokers that allow sessions of 2 s.
func TestLeasesOnRealBrokers(t *testing.T) {
	t.Parallel()
	list := os.Getenv("HOOKSPAN_TEST_KAFKA")
	if list == "" {
		return
	}
	bustest.Leases(t, func(t *testing.T) bustest.Sharing {
		return sharing(strings.Split(list, ","), t.Name()+time.Now().Format(time.RFC3339Nano), 3*time.Second)
	})
}

func brokers(t *testing.T) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.GroupMinSessionTimeout(time.Second), kfake.SeedTopics(32, "hookspan.state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func sharing(brokers []string, group string, lease time.Duration) bustest.Sharing {
	return bustest.Sharing{Lease: lease, Connect: func(_ *testing.T, g *bustest.Gate) bus.Leases {
		return newLeases([]kgo.Opt{
			kgo.SeedBrokers(brokers...), kgo.Dialer(g.DialContext), kgo.MetadataMinAge(100 * time.Millisecond),
			kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		}, group, "hookspan.state", lease, slog.New(slog.DiscardHandler))
	}}
}

func TestLeasesOutliveTheirCoordinator(t *testing.T) {
	t.Parallel()
	c := brokers(t)
	bustest.Unsettle(t, sharing(c.ListenAddrs(), "hookspan.dispatchers", 2*time.Second), c.RehashCoordinators)
}

func TestAGroupThatForgotItsMembersSharesAnew(t *testing.T) {
	t.Parallel()
	c := brokers(t)
	bustest.Unsettle(t, sharing(c.ListenAddrs(), "hookspan.dispatchers", 2*time.Second), func() {
		c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, Count: 3})
	})
}

func TestMembersNeitherFetchNorCommit(t *testing.T) {
	t.Parallel()
	c := brokers(t)
	traffic := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets, kmsg.OffsetFetch, kmsg.OffsetCommit}, Count: -1, Observe: true})
	bustest.Unsettle(t, sharing(c.ListenAddrs(), "hookspan.dispatchers", 2*time.Second), func() {})
	if n := traffic.Hits(); n > 0 {
		t.Errorf("%d requests to fetch or to commit", n)
	}
}

// A bystander is a member that does nothing.
type bystander struct{}

func (bystander) Take(int, bus.Lease)       {}
func (bystander) Give(context.Context, int) {}
func (bystander) Lose(int)                  {}

func TestJoinSaysWhatNoRetryMends(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lease  time.Duration
		unsuit func(*testing.T, *kfake.Cluster)
		want   []string
	}{
		"the lease is too short for the brokers": {lease: time.Second, want: []string{"HOOKSPAN_LEASE", "group.min.session.timeout.ms", "800ms"}},
		"joining is denied": {
			lease: 2 * time.Second, want: []string{"hookspan.dispatchers", "READ"},
			unsuit: func(_ *testing.T, c *kfake.Cluster) {
				c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.GroupAuthorizationFailed})
			},
		},
		"the group is used by others": {
			lease: 2 * time.Second, want: []string{"hookspan.dispatchers", "HOOKSPAN_NAMESPACE"},
			unsuit: occupy,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := brokers(t)
			if test.unsuit != nil {
				test.unsuit(t, c)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := sharing(c.ListenAddrs(), "hookspan.dispatchers", test.lease).Connect(t, bustest.NewGate()).Join(ctx, 32, bystander{})
			if err == nil {
				t.Fatal("it joined")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

// occupy has a plain consumer join the group.
func occupy(t *testing.T, c *kfake.Cluster) {
	assigned := make(chan struct{})
	cl, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.ConsumerGroup("hookspan.dispatchers"), kgo.ConsumeTopics("hookspan.state"),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(assigned) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	select {
	case <-assigned:
	case <-time.After(30 * time.Second):
		t.Fatal("the consumer does not join")
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	const shards, round = 4, 8
	member := func(id string, generation int32, leaves bool, has ...int) kmsg.JoinGroupResponseMember {
		return kmsg.JoinGroupResponseMember{MemberID: id, ProtocolMetadata: describeMember("hookspan.state", has, generation, leaves)}
	}
	for name, test := range map[string]struct {
		members []kmsg.JoinGroupResponseMember
		taken   int  // shards that somebody gets
		moves   bool // a shard goes to who did not have it
		again   bool
	}{
		"the first has all":                                {members: []kmsg.JoinGroupResponseMember{member("a", -1, false)}, taken: 4, moves: true},
		"a shard that moves is nobody's":                   {members: []kmsg.JoinGroupResponseMember{member("a", 7, false, 0, 1, 2, 3), member("b", -1, false)}, taken: 2},
		"what was given is taken":                          {members: []kmsg.JoinGroupResponseMember{member("a", 7, false), member("b", 7, false)}, taken: 4, moves: true},
		"nothing stays with who leaves":                    {members: []kmsg.JoinGroupResponseMember{member("a", 7, true, 0, 1), member("b", 7, false, 2)}, taken: 2, moves: true},
		"all leave":                                        {members: []kmsg.JoinGroupResponseMember{member("a", 7, true, 0, 1)}},
		"what two claim is nobody's":                       {members: []kmsg.JoinGroupResponseMember{member("a", 7, false, 0, 1, 2, 3), member("b", 7, true, 0, 1, 2, 3)}},
		"a description of an older round":                  {members: []kmsg.JoinGroupResponseMember{member("a", 6, false, 0, 1)}, taken: 2, again: true},
		"of two rounds ago, nobody gets what is unclaimed": {members: []kmsg.JoinGroupResponseMember{member("a", 5, false), member("b", 7, false)}, again: true},
		"somebody else's description":                      {members: []kmsg.JoinGroupResponseMember{{MemberID: "x", ProtocolMetadata: []byte("?")}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := planLeases("hookspan.state", shards, round, test.members)
			if p.again != test.again {
				t.Errorf("to be made again: %v", p.again)
			}
			taken, moves := 0, false
			for i, a := range p.shares {
				share, err := readShare("hookspan.state", shards, a.MemberAssignment)
				if err != nil {
					t.Fatal(err)
				}
				had := kmsg.NewConsumerMemberMetadata()
				_ = had.ReadFrom(test.members[i].ProtocolMetadata)
				owned := readOwned("hookspan.state", shards, had.OwnedPartitions)
				taken += len(share)
				moves = moves || slices.ContainsFunc(share, func(s int) bool { return !slices.Contains(owned, s) })
			}
			if taken != test.taken || moves != test.moves {
				t.Errorf("%d shards are somebody's (moves: %v), want %d (%v)", taken, moves, test.taken, test.moves)
			}
		})
	}
}
