package receiver

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

// An identity is what an event is recognised by. Its base keeps apart what may have the same
// source and id and is another event all the same: a topic, or one of the bases below, which no
// topic can be.
type identity struct{ base, source, key string }

func (i identity) print() fingerprint { return identify(i.base, i.source, i.key) }

const (
	quarantineBase = "\x00quarantine" // what lies there is not what would lie on a topic
	keyBase        = "\x00key"        // keys of the source's own choice
	signedBase     = "\x00signed"     // all that was signed
)

// known settles what a posting is recognised by, and the id of one whose provider gave none
// where the source says otherwise.
func (r *Receiver) known(x *exchange, p *posting, number, members int) {
	s, e := x.source, p.event
	p.body = bodyMark(e.Sum)
	key, ok := s.dedupKey.of(x, e)
	if ok && members > 1 && s.dedupKey.header != "" {
		key += "/" + strconv.Itoa(number) // all members share the headers
	}
	switch {
	case !s.recognises():
		if !e.Named { // two equal ones are two events
			e.ID += "." + randomHex()
		}
	case ok && !e.Named && usableID(key):
		e.ID = key
	case e.Anew && !ok:
		e.ID += "." + randomHex()
	}
	switch {
	case ok && p.quarantined:
		p.as = identity{quarantineBase + keyBase, s.Name, key}
	case ok:
		p.as = identity{keyBase, s.Name, key}
	case p.quarantined:
		p.as = identity{quarantineBase, s.Name + "\x00" + e.Source, e.ID}
	default:
		p.as = identity{s.Topic, e.Source, e.ID}
	}
}

// claim asks the dedup window for an event. Without recognition, or proof, it stays fresh and has
// no flight.
func (r *Receiver) claim(x *exchange, p *posting) {
	if !x.source.recognises() || p.unproven {
		return
	}
	since := x.began.Add(-*x.source.DedupWindow)
	if r.enter(p, since) {
		r.alter(x, p, since)
	}
	if p.standing == fresh {
		r.lookAgain(x, p, since)
	}
}

// enter claims a posting's identity. Altered says that it is known with another body.
func (r *Receiver) enter(p *posting, since time.Time) (altered bool) {
	p.prints = append(p.room[:0], p.as.print())
	p.standing, p.flight, altered = r.window.claim(p.prints[0], p.body, since, &p.own)
	return altered
}

// alter does with a known id that came with another body what the source says: it is another
// event, unless that is to be dropped.
func (r *Receiver) alter(x *exchange, p *posting, since time.Time) {
	const why = "its id came before with another body"
	r.countAltered(x, p, "repeated id came with another body", why)
	if x.source.Altered == Drop {
		return // answered like a repeat, once the first one is durable
	}
	p.rename(p.event.Sum)
	if x.source.Altered == Quarantine && !p.quarantined {
		r.quarantine(x, p, provider.Altered, why)
		p.as.base = quarantineBase + p.as.base
	}
	r.enter(p, since) // a repeat of what was altered is one
}

// lookAgain looks at what else is known of an event whose id is not.
func (r *Receiver) lookAgain(x *exchange, p *posting, since time.Time) {
	if p.event.Signed != [sha256.Size]byte{} {
		signed := identify(signedBase+x.source.Name, strconv.FormatBool(p.quarantined), string(p.event.Signed[:]))
		if r.window.knows(signed, since) && r.replay(x, p) {
			return
		}
		p.prints = append(p.prints, signed)
	}
	if strings.HasSuffix(p.as.base, keyBase) {
		id := identify(x.source.Topic, p.event.Source, p.event.ID)
		if r.window.knows(id, since) { // another key is another event, and (source, id) names one
			sum := p.event.Sum
			if !x.source.dedupKey.content {
				sum = sha256.Sum256([]byte(p.as.key)) // the bodies may be equal
			}
			p.rename(sum)
			id = identify(x.source.Topic, p.event.Source, p.event.ID)
		}
		p.prints = append(p.prints, id)
	}
}

// replay is about a request that came before under another id, which nobody signed. The id
// stays, because it may be right: senders of "{}" exist. It reports whether the event is dropped.
func (r *Receiver) replay(x *exchange, p *posting) (dropped bool) {
	const why = "what was signed came before under another id"
	r.countAltered(x, p, "signed content came before under another id", why)
	switch x.source.Altered {
	case Drop:
		p.standing = repeated
		r.window.settle(p.prints[0], p.flight, x.began, nil)
		return true
	case Quarantine:
		if !p.quarantined {
			r.quarantine(x, p, provider.Altered, why)
		}
	}
	p.event.SetExtension(originalID, p.event.ID)
	return false
}

// originalID is the extension with the id that the provider gave.
const originalID = "hookspanoriginalid"

// rename gives an event an id of its own.
func (p *posting) rename(sum [sha256.Size]byte) {
	suffix := "." + hex.EncodeToString(sum[:4])
	p.event.SetExtension(originalID, p.event.ID)
	p.event.ID += suffix
	p.as.key += suffix
}

func (r *Receiver) countAltered(x *exchange, p *posting, message, detail string) {
	x.source.altered.Inc()
	r.note(x, p.event, slog.LevelWarn, message, slog.String("detail", detail), slog.String("policy", string(x.source.Altered)))
}

func randomHex() string {
	var b [4]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
