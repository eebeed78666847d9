package bus

import (
	"context"
	"time"
)

// Shared is what processes need of a bus that several of them use: shares of the shards, and
// to hear what the others published and attempted. A process with a bus of its own needs none
// of it.
type Shared interface {
	Leases
	// FollowPublished tells, until ctx ends or each returns an error, of every event that intake
	// publishes, whichever process wrote it, beginning with those stored at since or later
	// (clause H2). Some may come twice, and its own come back too. Being away for a while ends
	// it no more than it ends Follow.
	FollowPublished(ctx context.Context, since time.Time, each func(Publication) error) error
	// FollowJournal hands over the entries of every shard's journal after the position given
	// for it, in the order of each shard, as they come, until ctx ends or each returns an
	// error (J4). from has one position per shard; NoPosition begins at the first entry kept,
	// and so does a position beyond the end, which is one of a journal that was lost.
	FollowJournal(ctx context.Context, from []int64, each func(shard int, pos int64, data []byte) error) error
}

// Leases share the shards out among the processes that have joined. They decide who tries to
// own a shard, never who does: an owner is whoever wrote last (Chain).
type Leases interface {
	// Join takes part in the sharing of the shards 0 to shards-1 until ctx ends; then it gives
	// every shard back and returns nil. A bus that is away is waited for: the leases run out
	// meanwhile, and it joins again by itself (S6). An error is one that no retry would mend,
	// such as a missing right; it names the remedy.
	//
	// Once those who joined are settled, each shard has exactly one holder and nobody holds
	// more than ⌈shards/members⌉ (S1). A shard that moves is taken by its next holder only
	// when its last one has given it (S2). What a member gives because its ctx ended, others
	// take within a second (S3); what a member that died held, within the time of the lease (S4).
	Join(ctx context.Context, shards int, m Member) error
}

// A Member is told what to own. Calls about one shard come one after the other: Take, then
// Give or Lose.
type Member interface {
	// Take hands a shard to this process; it must return at once.
	Take(shard int, l Lease)
	// Give asks for a shard back. It returns once the shard has been handed over; ctx ends when
	// the lease does. Several shards are asked for side by side.
	Give(ctx context.Context, shard int)
	// Lose says that the lease has run out: somebody else may hold it now. It must return at
	// once.
	Lose(shard int)
}

// A Lease is the right to try.
type Lease interface {
	// Holds reports whether the lease still holds by this process's own monotonic clock,
	// counted from before its last renewal was sent: it turns false before anybody else is
	// given the shard (S5). It is cheap, and safe for concurrent use.
	Holds() bool
}

// A Finding is what an examination of the bus says about one thing.
type Finding struct {
	Subject string // what was looked at: "connection", "stream HOOKSPAN_EVENTS", "topic hookspan.state"
	Verdict Verdict
	Detail  string // in words, without secrets
	Remedy  string // what to do; "" when it is fine
}

// Verdict is a closed set.
type Verdict string

const (
	Fine    Verdict = "ok"
	Warning Verdict = "warning"
	Fault   Verdict = "fault"
)

// An Examiner looks at the bus for an operator: reachable, rights, replication, retention,
// clock. It changes nothing.
type Examiner interface {
	Examine(ctx context.Context) []Finding
}
