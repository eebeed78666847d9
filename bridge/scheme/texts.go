package scheme

import (
	"strings"
	"time"
)

// piece is how much memory texts take at a time: enough for those of most events.
const piece = 384

// Texts writes short texts one behind the other, so that those of one event cost one piece of
// memory and not one each. What was written stays as it is for as long as anybody has it. A nil
// *Texts gives each text memory of its own. It is for one goroutine at a time.
type Texts struct{ b strings.Builder }

// Join writes parts as one text.
func (t *Texts) Join(parts ...string) string {
	if t == nil {
		return strings.Join(parts, "")
	}
	n := 0
	for _, part := range parts {
		n += len(part)
	}
	from := t.begin(n)
	for _, part := range parts {
		t.b.WriteString(part)
	}
	return t.b.String()[from:]
}

// Copy writes bytes as a text.
func (t *Texts) Copy(text []byte) string {
	if t == nil {
		return string(text)
	}
	from := t.begin(len(text))
	t.b.Write(text)
	return t.b.String()[from:]
}

// Time writes a time as CloudEvents have it.
func (t *Texts) Time(at time.Time) string {
	var room [48]byte
	return t.Copy(at.AppendFormat(room[:0], time.RFC3339Nano))
}

// begin returns where a text of n bytes begins, in another piece where it does not fit.
func (t *Texts) begin(n int) int {
	if t.b.Cap()-t.b.Len() < n {
		t.b.Reset() // which leaves what was written to who has it
		t.b.Grow(max(piece, n))
	}
	return t.b.Len()
}
