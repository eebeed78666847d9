package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/sinks/jetstream/link"
)

// plainPrefix is that of the JetStream API where nobody set another.
const plainPrefix = "$JS.API"

// A bucket is the key-value bucket of the leases. It is written by comparing and setting
// only, and read without acknowledging, as every stream here.
type bucket struct {
	l        *link.Link
	name     string
	stream   string
	subjects string // what a stored key's subject begins with
	publish  string // what a subject to publish a key to begins with
	like     string // the stream that it has as many copies as
}

func newBucket(l *link.Link, name, like string) *bucket {
	b := &bucket{l: l, name: name, like: like, stream: Stream(name)}
	b.subjects = "$KV." + b.name + "."
	b.publish = b.subjects
	if b.l.Prefix != plainPrefix { // as ADR-8 asks for buckets behind another API prefix
		b.publish = b.l.Prefix + "." + b.subjects
	}
	return b
}

// Stream is the stream of a bucket.
func Stream(bucket string) string { return "KV_" + bucket }

// ensure makes the bucket where it is missing, and returns which incarnation it is. Before
// anything was ever written by the holder of a shard, nobody can hold one.
func (b *bucket) ensure(ctx context.Context) (string, error) {
	info, err := b.l.Info(ctx, b.stream)
	if errors.Is(err, link.ErrNoStream) {
		if err := b.create(ctx); err != nil {
			return "", err
		}
		info, err = b.l.Info(ctx, b.stream)
	}
	if err != nil {
		return "", err
	}
	if info.Config.MaxAge > 0 {
		return "", &unfitError{fmt.Errorf("bucket %s has a TTL of %v, so leases in it would vanish while they are held: "+
			"set it to 0, or delete the bucket and it is made anew", b.name, info.Config.MaxAge)}
	}
	state, err := b.l.Info(ctx, b.like)
	if err != nil {
		return "", err
	}
	if state.State.LastSeq == 0 {
		if _, err := b.put(ctx, openKey, openValue, 0); err != nil && !errors.Is(err, bus.ErrRefused) { // it is open
			return "", err
		}
	}
	return link.Identity(info), nil
}

// create makes the bucket, unless another member is faster. What the account may not have is
// told apart from what will come.
func (b *bucket) create(ctx context.Context) error {
	like, err := b.l.Info(ctx, b.like)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, link.RequestTimeout)
	defer cancel()
	ctx, done := b.l.Permitted(ctx, b.l.Prefix+".STREAM.CREATE."+b.stream)
	defer done()
	_, err = b.l.JS.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: b.name, Description: "Who holds which shard", History: 1, Replicas: like.Config.Replicas,
	})
	if err == nil || errors.Is(err, jetstream.ErrBucketExists) {
		return nil
	}
	err = fmt.Errorf("make bucket %s: %w", b.name, link.Unavailable(link.Why(ctx, err)))
	var answer *link.APIError
	if errors.As(err, &answer) && answer.Code >= 400 && answer.Code < 500 && answer.ErrCode != link.CodeNoPeers { // members that are away come back
		return &unfitError{fmt.Errorf("%w: lift the account's limit, or make the bucket (history 1, no TTL) for it", err)}
	}
	return err
}

// put writes a key whose last revision is rev, 0 for none, and returns the new one;
// bus.ErrRefused when the last revision is another. That it is denied the server tells beside
// the write, which itself gets no answer.
func (b *bucket) put(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	m := &link.Message{Subject: b.publish + key, Data: value, Header: []event.Field{{Name: link.HeaderExpectedLast, Value: strconv.FormatUint(rev, 10)}}}
	ctx, done := b.l.Permitted(ctx, m.Subject)
	defer done()
	a, err := b.l.Acks.Send(ctx, m, nil)
	if err == nil && a.Stream != b.stream {
		err = fmt.Errorf("%w: stream %q acknowledged it, not %s", link.ForeignAck, a.Stream, b.stream)
	}
	if err = link.Why(ctx, err); err != nil {
		return 0, fmt.Errorf("write %s of bucket %s: %w", key, b.name, err)
	}
	return a.Seq, nil
}

// get asks the leader for a key; one without a value has revision 0.
func (b *bucket) get(ctx context.Context, key string) (entry, error) {
	m, err := b.l.Get(ctx, b.stream, link.Which{Last: b.subjects + key})
	if errors.Is(err, bus.ErrGone) {
		return entry{key: key}, nil
	}
	if err != nil {
		return entry{}, err
	}
	return entry{key: key, value: m.Data, rev: m.Seq}, nil
}

// forget removes a key whose last revision is rev.
func (b *bucket) forget(ctx context.Context, key string, rev uint64) error {
	return b.l.Purge(ctx, b.stream, b.subjects+key, int64(rev)+1)
}

// hopeless returns what err means when no retry mends it, nil otherwise.
func (b *bucket) hopeless(err error) error {
	var denied *link.DeniedError
	var unfit *unfitError
	switch {
	case errors.As(err, &denied):
		return fmt.Errorf("the leases in bucket %s: %w", b.name, denied)
	case errors.As(err, &unfit):
		return unfit
	}
	return nil
}

// An unfitError says why the bucket cannot be had, and what to do.
type unfitError struct{ error }

func (e *unfitError) Unwrap() error { return e.error }

// An entry is a key with its value and revision.
type entry struct {
	key   string
	value []byte
	rev   uint64
}

// Keys. A member's names its process, a shard's holds its holder's session.
const (
	memberKeys = "member."
	shardKeys  = "shard."
	// openKey is there once nobody can hold a shard by an earlier bucket, which was deleted.
	openKey = "open"
)

var openValue = []byte("yes")

// A presence is the value of a member's key.
type presence struct {
	Session int  `json:"session"` // the number of the member's session: it begins another after it lapsed
	Leaving bool `json:"leaving,omitempty"`
	Ended   bool `json:"ended,omitempty"` // nothing is held by this session or an earlier one
}

func (p presence) encode() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic("a presence has only fields that can be encoded: " + err.Error())
	}
	return b
}

// readPresence reads what encode wrote; anything else is a member that has nothing.
func readPresence(value []byte) presence {
	var p presence
	if json.Unmarshal(value, &p) != nil {
		return presence{Ended: true}
	}
	return p
}

// A memberSession names one session of one member: what it holds ends with it.
type memberSession struct {
	member  string
	session int
}

func (t memberSession) encode() []byte { return []byte(t.member + "." + strconv.Itoa(t.session)) }

// readMemberSession reads what encode wrote; anything else is nobody's session.
func readMemberSession(value []byte) memberSession {
	member, number, ok := strings.Cut(string(value), ".")
	session, err := strconv.Atoi(number)
	if !ok || err != nil || member == "" || session < 1 {
		return memberSession{}
	}
	return memberSession{member, session}
}
