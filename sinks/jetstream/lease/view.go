package lease

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A view is what a member has seen of the bucket. It belongs to one goroutine.
type view struct {
	peers  map[string]*peer
	shards []shardState
	open   bool   // it has the key that says so
	pass   int    // number of the reading from the front that goes on
	top    uint64 // the highest revision that it has met
	met    bool   // one has come to the end in this session
	need   uint64 // the revision that began this session
}

// A peer is a member as its key last said.
type peer struct {
	presence
	rev  uint64
	seen time.Time // when this revision was first seen, by our own clock
	pass int
}

// A shardState is a shard's key.
type shardState struct {
	holder memberSession
	rev    uint64
	pass   int
}

func newView(shards int) *view {
	return &view{peers: map[string]*peer{}, shards: make([]shardState, shards)}
}

// begin notes that the bucket is read from the front again.
func (v *view) begin() {
	v.pass++
	v.top = 0
}

// watched takes up an entry that was read in order.
func (v *view) watched(e entry, now time.Time) {
	v.top = max(v.top, e.rev)
	v.see(e, now)
}

// complete notes that a reading has come to the end: what it did not meet is gone. In a
// cluster it may have been read from a copy that lags behind, which proves nothing about what
// is newer.
func (v *view) complete() {
	maps.DeleteFunc(v.peers, func(_ string, p *peer) bool { return p.pass != v.pass && p.rev <= v.top })
	for i, s := range v.shards {
		if s.pass != v.pass && s.rev <= v.top {
			v.shards[i] = shardState{}
		}
	}
	v.met = true
}

// whole reports whether everything has been seen that was there when the session began.
func (v *view) whole() bool { return v.met && v.top >= v.need }

// see takes up an entry that was read or written. One that is older than what is known, or
// not ours to understand, is passed over.
func (v *view) see(e entry, now time.Time) {
	if id, ok := strings.CutPrefix(e.key, memberKeys); ok {
		v.seePeer(id, e, now)
		return
	}
	v.open = v.open || e.key == openKey
	number, ok := strings.CutPrefix(e.key, shardKeys)
	if n, err := strconv.Atoi(number); ok && err == nil && n >= 0 && n < len(v.shards) && e.rev >= v.shards[n].rev {
		v.shards[n] = shardState{holder: readMemberSession(e.value), rev: e.rev, pass: v.pass}
	}
}

func (v *view) seePeer(id string, e entry, now time.Time) {
	p := v.peers[id]
	if p == nil {
		p = &peer{}
		v.peers[id] = p
	}
	p.pass = v.pass
	if e.rev <= p.rev {
		return
	}
	p.rev, p.seen, p.presence = e.rev, now, readPresence(e.value)
}

// present lists the members that shards may go to.
func (v *view) present() []string {
	var ids []string
	for id, p := range v.peers {
		if !p.Ended && !p.Leaving {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ended reports whether a session is certainly over, so that what it held is free.
func (v *view) ended(t memberSession) bool {
	if t == (memberSession{}) {
		return true
	}
	p := v.peers[t.member]
	return p != nil && (p.Session > t.session || p.Session == t.session && p.Ended)
}

// unknown lists the sessions that hold something and whose member's key has not been seen: it was
// removed, or what was seen of it is older.
func (v *view) unknown() []memberSession {
	var turns []memberSession
	for _, s := range v.shards {
		p := v.peers[s.holder.member]
		if s.holder != (memberSession{}) && (p == nil || p.Session < s.holder.session) && !slices.Contains(turns, s.holder) {
			turns = append(turns, s.holder)
		}
	}
	return turns
}

// named reports whether a shard's key names the member.
func (v *view) named(member string) bool {
	return slices.ContainsFunc(v.shards, func(s shardState) bool { return s.holder.member == member })
}

// rev is the last revision seen of a member's key, 0 for none.
func (v *view) rev(member string) uint64 {
	if p := v.peers[member]; p != nil {
		return p.rev
	}
	return 0
}
