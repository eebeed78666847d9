package statelog

import (
	"slices"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
)

// A Feed says how one endpoint is fed from one partition. The zero value is the default:
// live from the shard's positions.
type Feed struct {
	Behind bool          `json:"behind,omitempty"` // not live
	Since  *bus.Position `json:"since,omitempty"`  // live only after this place
	Ranges []Range       `json:"ranges,omitempty"`
}

func (f Feed) isDefault() bool { return !f.Behind && f.Since == nil && len(f.Ranges) == 0 }

// A Range is what lies in (From, To] of a partition, which a catch-up reader feeds.
type Range struct {
	From bus.Position  `json:"a"`
	To   *bus.Position `json:"b,omitempty"` // nil: open, until the endpoint joins
	// Base is the registry revision whose list took its events already: they are not for
	// this range. 0: none.
	Base int64 `json:"base,omitempty"`
}

// Equal reports whether both are fed alike.
func (f Feed) Equal(g Feed) bool {
	return f.Behind == g.Behind && samePlace(f.Since, g.Since) &&
		slices.EqualFunc(f.Ranges, g.Ranges, func(a, b Range) bool {
			return a.From == b.From && a.Base == b.Base && samePlace(a.To, b.To)
		})
}

// samePlace: both name the same place, or none.
func samePlace(a, b *bus.Position) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func (f Feed) moved(to func(bus.Position) (bus.Position, bool)) Feed {
	next := Feed{Behind: f.Behind}
	if f.Since != nil {
		if at, same := to(*f.Since); same {
			next.Since = &at
		}
	}
	for _, r := range f.Ranges {
		a, same := to(r.From)
		if !same && r.To != nil {
			continue
		}
		n := Range{From: a, Base: r.Base}
		if r.To != nil {
			b, _ := to(*r.To)
			n.To = &b
		}
		next.Ranges = append(next.Ranges, n)
	}
	return next
}

// A Hold is the durable form of a hold, of what operators know, and of where an endpoint that does
// nothing but fail is; the zero value is none of them.
type Hold struct {
	Unwell int64           `json:"w,omitempty"` // unix ns: something bad was told, and no success since
	Until  int64           `json:"u,omitempty"` // unix ns
	By     delivery.HeldBy `json:"by,omitempty"`
	At     string          `json:"at,omitempty"` // a hash of the URL that asked for it, or that does nothing but fail
	Lifted int64           `json:"l,omitempty"`  // what was answered before does not hold
}

// IsOf reports whether what is kept says something about an endpoint at that URL, as far as it says
// of which one it is.
func (h *Hold) IsOf(url string) bool { return h.At == "" || h.At == HashOf(url) }

// A Breaker is the durable form of a breaker that is not closed; the zero value is of one that is.
type Breaker struct {
	Since int64  `json:"s,omitempty"`  // unix ns: it opened
	Next  int64  `json:"n,omitempty"`  // unix ns: of its next probe, or of the one on its way
	Wait  int64  `json:"w,omitempty"`  // ns before that probe
	At    string `json:"at,omitempty"` // a hash of the URL whose attempts failed
}
