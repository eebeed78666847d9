package journal

import "github.com/hookspan/hookspan/bridge/delivery"

// Note returns what the owner of an endpoint said last of its lane, as far as the journal was
// read; false when nothing was heard.
func (ix *Index) Note(endpoint string) (delivery.Note, bool) {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	n, ok := ix.notes[endpoint]
	return n, ok
}

// Noted takes one in.
func (ix *Index) Noted(n delivery.Note) {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.note(n)
}

// hear takes in what a batch of the journal says of lanes and replicas. What cannot be read says
// nothing.
func (ix *Index) hear(data []byte) {
	_ = delivery.DecodeNotes(data, ix.Noted)
	_ = delivery.DecodePresences(data, ix.appeared)
}

// note: a late copy says nothing; an empty one stays, so that it can be told from a late copy of
// the one before.
func (ix *Index) note(n delivery.Note) {
	if was, ok := ix.notes[n.Endpoint]; !ok || n.At.After(was.At) {
		ix.notes[n.Endpoint] = n
	}
}
