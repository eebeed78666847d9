package sighting

import (
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// A Type is what was seen of a type of events.
type Type struct {
	Type         string
	Count        int64
	First, Last  time.Time // when the oldest and the newest that were counted were stored
	Newest       Place     // of the last
	Sources      []string  // in the order in which they came
	MoreSources  bool      // there are others
	Topics       []string
	MoreTopics   bool
	ContentTypes []string
	DataSchemas  []string
}

// A Report is a Tally at one moment.
type Report struct {
	Types []Type // by name
	// Since is from when on all events were counted, but for those missed: the latest beginning of the
	// partitions that had any, without those of which all that was stored was counted; where there are
	// none but such, the earliest of theirs. Zero: no partition had any.
	Since    time.Time
	Events   int64 // that were counted
	Missed   int64 // sequences of topics that were passed over since, which is at least as many events
	Unlisted int64 // of the events, those of types beyond the bound
}

// A Look is what was found of a type of events among what is stored.
type Look struct {
	Found   []bus.Message // the newest one first
	Looked  int64         // through how many events it was looked for them
	Partial bool          // the time did not suffice: there may be others, and newer ones
}

// Report is the Tally as it is now.
func (t *Tally) Report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := Report{Types: make([]Type, 0, len(t.types)), Events: t.events, Missed: t.missed, Unlisted: t.unlisted}
	for kind, x := range t.types {
		r.Types = append(r.Types, Type{
			Type: kind, Count: x.count, First: x.first, Last: x.last, Newest: x.newest,
			Sources: slices.Clone(x.sources.list), MoreSources: x.sources.more, Topics: slices.Clone(x.topics.list), MoreTopics: x.topics.more,
			ContentTypes: slices.Clone(x.contents.list), DataSchemas: slices.Clone(x.schemas.list),
		})
	}
	slices.SortFunc(r.Types, func(a, b Type) int { return strings.Compare(a.Type, b.Type) })
	r.Since = t.since()
	return r
}

func (t *Tally) since() time.Time {
	var partly, whole time.Time
	for _, s := range t.stretch {
		all := s.whole && s.from.Seq < s.first
		switch {
		case s.since.IsZero():
		case !all && s.since.After(partly):
			partly = s.since
		case all && (whole.IsZero() || s.since.Before(whole)):
			whole = s.since
		}
	}
	if partly.IsZero() {
		return whole
	}
	return partly
}
