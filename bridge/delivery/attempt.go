package delivery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// journalVersion is written at the head of every batch of attempts.
const journalVersion = 1

// An Attempt is one record of a shard's journal: one POST and what came of it, or the end of
// a delivery without one (Number is then that of the attempt it waited for, and Sent zero).
type Attempt struct {
	Delivery string    `json:"d"` // the delivery's id
	Endpoint string    `json:"e"` // the endpoint's id
	Event    EventRef  `json:"ev"`
	Batch    string    `json:"m,omitempty"` // the batch that the event travelled in
	Number   int       `json:"n"`           // 1 is the first attempt
	Sent     time.Time `json:"s,omitzero"`
	Received time.Time `json:"r,omitzero"`
	Status   int       `json:"c,omitempty"` // 0: there was no answer
	Reason   Reason    `json:"x,omitempty"`
	Detail   string    `json:"t,omitempty"`
	Response string    `json:"b,omitempty"`  // the first bytes of the answer's body, where they are text
	Binary   string    `json:"bb,omitempty"` // the same in base64, where they are none
	Outcome  Outcome   `json:"o,omitempty"`  // "": the delivery goes on, at Next
	Ended    Ended     `json:"w,omitempty"`
	Next     time.Time `json:"u,omitzero"`
	Wait     Micros    `json:"y,omitempty"`   // of the schedule before Next, without what chance adds
	Hold     time.Time `json:"h,omitzero"`    // the endpoint asked that nothing be sent before
	HoldAt   string    `json:"ha,omitempty"`  // a hash of the URL that asked; "" where an earlier version kept it
	Life     *Life     `json:"l,omitempty"`   // of the event, while the delivery goes on
	Key      string    `json:"ord,omitempty"` // that the delivery is ordered by, while it goes on
	Address  string    `json:"a,omitempty"`   // that was dialled
	Phases   Phases    `json:"p,omitzero"`
	Request  Headers   `json:"q,omitempty"` // of the request, secrets hidden; "" where they were not kept
	Headers  Headers   `json:"k,omitempty"` // of the answer, likewise
	Replay   string    `json:"rpl,omitempty"`
}

// Size is about how many bytes the record takes.
func (a *Attempt) Size() int {
	e := &a.Event
	return 450 + len(a.Response) + len(a.Binary) + len(a.Detail) + len(a.Request) + len(a.Headers) +
		len(e.ID) + len(e.Source) + len(e.Type) + len(e.Subject) + len(e.Tenant)
}

// FollowedBy is when the next attempt is due by what was known when this one ended, and what says
// so; zero where there is none.
func (a *Attempt) FollowedBy() (at time.Time, by NextBy) {
	switch {
	case a.Outcome != "" || a.Next.IsZero():
		return time.Time{}, ""
	case a.Hold.After(a.Next):
		return a.Hold, NextByRetryAfter
	}
	return a.Next, NextBySchedule
}

// NewBatch begins a batch of records with room for about n: a line with the format's version,
// then one line of JSON for each.
func NewBatch(n int) []byte {
	return append(make([]byte, 0, 512*n+8), "v1\n"...)
}

// AppendAttempt adds a record to a batch.
func AppendAttempt(batch []byte, a *Attempt) []byte {
	return append(appendAttempt(batch, a), '\n')
}

// DecodeAttempts hands over the records of a batch in order. A batch of a newer version is
// bus.ErrNewerFormat.
func DecodeAttempts(data []byte, each func(Attempt) error) error {
	return lines(data, func(line []byte) error {
		if bytes.HasPrefix(line, noteMark) {
			return nil
		}
		var a Attempt
		if err := json.Unmarshal(line, &a); err != nil {
			return fmt.Errorf("decode a journal record: %w", err)
		}
		a.Event.shorten()
		return each(a)
	})
}

// GlanceAttempts hands over when each record of a batch was received, and whether it ended its
// delivery, in order. It decodes nothing else, at a tenth of the cost; a record that cannot be
// read was received at the zero time.
func GlanceAttempts(data []byte, each func(received time.Time, ended bool)) error {
	return lines(data, func(line []byte) error {
		if !bytes.HasPrefix(line, noteMark) {
			each(receivedIn(line), bytes.Contains(line, outcomeMark))
		}
		return nil
	})
}

// Within a text of a record every quote has a backslash before it, so no text looks like these.
var (
	receivedMark = []byte(`,"r":"`)
	outcomeMark  = []byte(`,"o":"`)
)

func receivedIn(line []byte) time.Time {
	_, rest, _ := bytes.Cut(line, receivedMark)
	text, _, _ := bytes.Cut(rest, []byte{'"'})
	at, _ := time.Parse(time.RFC3339Nano, string(text))
	return at
}

// lines hands over the lines of a batch behind that of the version.
func lines(data []byte, each func([]byte) error) error {
	version, rest, _ := bytes.Cut(data, newline)
	if len(version) < 2 || version[0] != 'v' {
		return fmt.Errorf("journal batch of %d bytes has no version line", len(data))
	}
	if v, err := strconv.Atoi(string(version[1:])); err != nil || v > journalVersion {
		return fmt.Errorf("journal batch %q: %w", version, bus.ErrNewerFormat)
	}
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, newline)
		if err := each(line); err != nil {
			return err
		}
	}
	return nil
}

var newline = []byte{'\n'}

// appendAttempt writes what json.Marshal would, at a fifth of the cost: there is one record
// per delivered event.
func appendAttempt(b []byte, a *Attempt) []byte {
	b = appendString(append(b, `{"d":`...), a.Delivery)
	b = appendString(append(b, `,"e":`...), a.Endpoint)
	e := &a.Event
	b = appendString(append(b, `,"ev":{"id":`...), e.ID)
	b = appendString(append(b, `,"src":`...), e.Source)
	b = appendString(append(b, `,"typ":`...), e.Type)
	if e.Subject != "" {
		b = appendString(append(b, `,"sub":`...), e.Subject)
	}
	if e.Tenant != "" {
		b = appendString(append(b, `,"ten":`...), e.Tenant)
	}
	b = appendString(append(b, `,"top":`...), e.Topic)
	b = appendString(append(b, `,"p":`...), string(e.Partition))
	b = appendString(append(b, `,"i":`...), e.Identity)
	b = strconv.AppendInt(append(b, `,"s":`...), e.Seq, 10)
	if e.Mark != 0 {
		b = strconv.AppendInt(append(b, `,"m":`...), e.Mark, 10)
	}
	if e.Report {
		b = append(b, `,"rep":true`...)
	}
	b = append(b, '}')
	if a.Batch != "" {
		b = appendString(append(b, `,"m":`...), a.Batch)
	}
	b = strconv.AppendInt(append(b, `,"n":`...), int64(a.Number), 10)
	b = appendTime(b, `,"s":`, a.Sent)
	b = appendTime(b, `,"r":`, a.Received)
	if a.Status != 0 {
		b = strconv.AppendInt(append(b, `,"c":`...), int64(a.Status), 10)
	}
	for _, f := range [...]struct{ name, value string }{
		{`,"x":`, string(a.Reason)}, {`,"t":`, a.Detail}, {`,"b":`, a.Response}, {`,"bb":`, a.Binary},
		{`,"o":`, string(a.Outcome)}, {`,"w":`, string(a.Ended)},
	} {
		if f.value != "" {
			b = appendString(append(b, f.name...), f.value)
		}
	}
	b = appendTime(b, `,"u":`, a.Next)
	b = appendMicros(b, `,"y":`, a.Wait)
	b = appendTime(b, `,"h":`, a.Hold)
	if a.HoldAt != "" {
		b = appendString(append(b, `,"ha":`...), a.HoldAt)
	}
	if a.Life != nil {
		life, _ := json.Marshal(a.Life) // numbers always marshal
		b = append(append(b, `,"l":`...), life...)
	}
	if a.Key != "" {
		b = appendString(append(b, `,"ord":`...), a.Key)
	}
	if a.Address != "" {
		b = appendString(append(b, `,"a":`...), a.Address)
	}
	if a.Phases != (Phases{}) {
		b = appendPhases(append(b, `,"p":`...), &a.Phases)
	}
	if a.Request != "" {
		b = appendString(append(b, `,"q":`...), string(a.Request))
	}
	if a.Headers != "" {
		b = appendString(append(b, `,"k":`...), string(a.Headers))
	}
	if a.Replay != "" {
		b = appendString(append(b, `,"rpl":`...), a.Replay)
	}
	return append(b, '}')
}

func appendPhases(b []byte, p *Phases) []byte {
	from := len(b)
	b = appendMicros(b, `,"d":`, p.DNS)
	b = appendMicros(b, `,"c":`, p.Connect)
	b = appendMicros(b, `,"t":`, p.TLS)
	b = appendMicros(b, `,"f":`, p.FirstByte)
	b[from] = '{' // instead of the first comma
	return append(b, '}')
}

func appendMicros(b []byte, name string, m Micros) []byte {
	if m == 0 {
		return b
	}
	return strconv.AppendInt(append(b, name...), int64(m), 10)
}

func appendTime(b []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	b = append(append(b, name...), '"')
	return append(t.UTC().AppendFormat(b, time.RFC3339Nano), '"')
}

func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\n' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			q, _ := json.Marshal(s) // a string always marshals
			return append(b, q...)
		}
	}
	b = append(b, '"')
	for line, rest, more := strings.Cut(s, "\n"); ; line, rest, more = strings.Cut(rest, "\n") {
		if b = append(b, line...); !more {
			return append(b, '"')
		}
		b = append(b, `\n`...)
	}
}
