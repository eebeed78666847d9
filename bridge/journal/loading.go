package journal

import (
	"cmp"
	"slices"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// A loading is an index that takes in records from before it was told of others, out of their
// order in time. Until the end nothing of it is dropped for being too much but texts.
type loading struct {
	ix    *Index
	tails []*tail // by shard; nil for one that was not looked at
	texts []dated
	bytes int // of texts
}

// A dated is a text and when the attempt was made that it is about.
type dated struct {
	*text
	at int64
}

// loads is the load that is under way, or a new one.
func (ix *Index) loads(shards int) *loading {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.load == nil {
		ix.load = &loading{ix: ix, tails: make([]*tail, shards)}
	}
	return ix.load
}

func (l *loading) take(data []byte) error {
	l.ix.mu.Lock()
	defer l.ix.mu.Unlock()
	err := delivery.DecodeAttempts(data, func(a delivery.Attempt) error {
		if t := l.ix.enter(&a); t != nil {
			l.texts = append(l.texts, dated{t, nanos(a.Sent)})
			l.bytes += t.size()
		}
		return nil
	})
	if l.bytes > 2*l.ix.o.TextBytes {
		l.cut()
	}
	return err
}

// cut drops the oldest texts beyond the limit and puts the others in order.
func (l *loading) cut() {
	slices.SortFunc(l.texts, func(a, b dated) int { return cmp.Compare(a.at, b.at) })
	n := 0
	for ; l.bytes > l.ix.o.TextBytes; n++ {
		l.bytes -= l.texts[n].size()
		l.texts[n].drop()
	}
	l.texts = slices.Delete(l.texts, 0, n)
}

// end puts everything in its order and drops what is too much.
func (l *loading) end() {
	ix := l.ix
	ix.mu.Lock()
	defer ix.mu.Unlock()
	l.cut()
	texts := make([]*text, 0, len(l.texts)+len(ix.texts))
	for _, t := range l.texts {
		texts = append(texts, t.text)
	}
	ix.texts, ix.bytes = append(texts, ix.texts...), ix.bytes+l.bytes
	ix.trimTexts()
	ix.arrange()
	ix.ended.arrange()
	ix.load = nil
	ix.trimEnded()
}
