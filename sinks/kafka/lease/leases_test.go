package lease

import (
	"context"
	"log/slog"
	"net"
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
	"github.com/hookspan/hookspan/sinks/kafka/kafkatest"
)

const (
	group = "hookspan.dispatchers"
	state = "hookspan.state"
)

func TestLeases(t *testing.T) {
	t.Parallel()
	// kfake counts a member that leaves while it waits for its share for one that has not joined
	// (removeMember), and the group's rounds then end no more. Real brokers run that clause.
	bustest.BubbledLeases(t, func(t *testing.T) bustest.Sharing { return newBrokers(t).sharing(2 * time.Second) }, bustest.ComeAndGo)
}

// HOOKSPAN_TEST_KAFKA lists real brokers that allow sessions of 2 s.
func TestLeasesOnRealBrokers(t *testing.T) {
	t.Parallel()
	list := os.Getenv("HOOKSPAN_TEST_KAFKA")
	if list == "" {
		return
	}
	bustest.Leases(t, func(t *testing.T) bustest.Sharing {
		return sharing(strings.Split(list, ","), new(net.Dialer).DialContext, t.Name()+time.Now().Format(time.RFC3339Nano), 3*time.Second)
	})
}

// brokers are three in a bubble.
type brokers struct {
	*kfake.Cluster
	memory kafkatest.Memory
}

func newBrokers(t *testing.T) *brokers {
	t.Helper()
	b := &brokers{}
	var err error
	b.Cluster, err = kfake.NewCluster(kfake.NumBrokers(3), kfake.GroupMinSessionTimeout(time.Second), kfake.SeedTopics(32, state), kfake.ListenFn(b.memory.ListenAny))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func (b *brokers) sharing(lease time.Duration) bustest.Sharing {
	return sharing(b.ListenAddrs(), b.memory.DialContext, group, lease)
}

func sharing(brokers []string, dial bustest.Dial, group string, lease time.Duration) bustest.Sharing {
	return bustest.Sharing{Lease: lease, Connect: func(_ *testing.T, g *bustest.Gate) bus.Leases {
		return New([]kgo.Opt{
			kgo.SeedBrokers(brokers...), kgo.Dialer(g.Over(dial)), kgo.MetadataMinAge(100 * time.Millisecond),
			kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		}, group, state, lease, slog.New(slog.DiscardHandler))
	}}
}

func TestLeasesOutliveTheirCoordinator(t *testing.T) {
	kafkatest.InBubble(t, func(t *testing.T) {
		b := newBrokers(t)
		bustest.Unsettle(t, b.sharing(2*time.Second), b.RehashCoordinators)
	})
}

func TestAGroupThatForgotItsMembersSharesAnew(t *testing.T) {
	kafkatest.InBubble(t, func(t *testing.T) {
		b := newBrokers(t)
		bustest.Unsettle(t, b.sharing(2*time.Second), func() {
			b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID, Count: 3})
		})
	})
}

func TestMembersNeitherFetchNorCommit(t *testing.T) {
	kafkatest.InBubble(t, func(t *testing.T) {
		b := newBrokers(t)
		traffic := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets, kmsg.OffsetFetch, kmsg.OffsetCommit}, Count: -1, Observe: true})
		bustest.Unsettle(t, b.sharing(2*time.Second), func() {})
		if n := traffic.Hits(); n > 0 {
			t.Errorf("%d requests to fetch or to commit", n)
		}
	})
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
		unsuit func(*testing.T, *brokers)
		want   []string
	}{
		"the lease is too short for the brokers": {lease: time.Second, want: []string{"HOOKSPAN_LEASE", "group.min.session.timeout.ms", "800ms"}},
		"joining is denied": {
			lease: 2 * time.Second, want: []string{group, "READ"},
			unsuit: func(_ *testing.T, b *brokers) {
				b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.GroupAuthorizationFailed})
			},
		},
		"the group is used by others": {
			lease: 2 * time.Second, want: []string{group, "HOOKSPAN_NAMESPACE"},
			unsuit: occupy,
		},
	} {
		t.Run(name, func(t *testing.T) {
			kafkatest.InBubble(t, func(t *testing.T) {
				b := newBrokers(t)
				if test.unsuit != nil {
					test.unsuit(t, b)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				err := b.sharing(test.lease).Connect(t, bustest.NewGate()).Join(ctx, 32, bystander{})
				if err == nil {
					t.Fatal("it joined")
				}
				for _, want := range test.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q does not say %q", err, want)
					}
				}
			})
		})
	}
}

// occupy has a plain consumer join the group.
func occupy(t *testing.T, b *brokers) {
	assigned := make(chan struct{})
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.Dialer(b.memory.DialContext), kgo.ConsumerGroup(group), kgo.ConsumeTopics(state),
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
		return kmsg.JoinGroupResponseMember{MemberID: id, ProtocolMetadata: describeMember(state, has, generation, leaves)}
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
			p := planShares(state, shards, round, test.members)
			if p.again != test.again {
				t.Errorf("to be made again: %v", p.again)
			}
			taken, moves := 0, false
			for i, a := range p.shares {
				share, err := readShare(state, shards, a.MemberAssignment)
				if err != nil {
					t.Fatal(err)
				}
				had := kmsg.NewConsumerMemberMetadata()
				_ = had.ReadFrom(test.members[i].ProtocolMetadata)
				owned := readOwned(state, shards, had.OwnedPartitions)
				taken += len(share)
				moves = moves || slices.ContainsFunc(share, func(s int) bool { return !slices.Contains(owned, s) })
			}
			if taken != test.taken || moves != test.moves {
				t.Errorf("%d shards are somebody's (moves: %v), want %d (%v)", taken, moves, test.taken, test.moves)
			}
		})
	}
}
