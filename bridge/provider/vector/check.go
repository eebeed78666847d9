package vector

import (
	"fmt"
	"maps"

	"github.com/hookspan/hookspan/bridge/provider"
)

// An Outcome is what became of one vector.
type Outcome struct {
	ID       string   `json:"id"`
	Refusals int      `json:"refusals"`  // altered requests that were refused, as they have to be
	NotTried []string `json:"not_tried"` // alterations that were left out, each with the reason
	Faults   []string `json:"faults"`    // none: it holds
}

// Check runs one vector of the file: it has to be accepted, to mean what it says, and to be
// refused however it is altered; what was not altered is said. The faults show no secret.
func (f *File) Check(p *provider.Provider, v Vector) Outcome {
	c := &check{file: f, vector: v, provider: p, Outcome: Outcome{ID: v.ID, NotTried: []string{}, Faults: []string{}}}
	var err error
	if c.verifier, err = v.Compile(p); err != nil {
		c.fault("its source cannot be compiled: %v", err)
		return c.Outcome
	}
	verdict, err := c.verifier.Verify(v.Request())
	if err != nil {
		c.fault("refused: %v", err)
		return c.Outcome
	}
	c.Faults = append(c.Faults, v.Judge(verdict)...)
	c.success()
	if v.Want.Answer == nil || v.Method == "" {
		c.refusals()
	} else {
		c.notTried("all: a handshake by %s is taken from anybody", v.Method)
	}
	return c.Outcome
}

// A check is one run of a vector.
type check struct {
	file     *File
	vector   Vector
	provider *provider.Provider
	verifier *provider.Verifier
	Outcome
}

func (c *check) fault(format string, a ...any) {
	c.Faults = append(c.Faults, fmt.Sprintf(format, a...))
}

func (c *check) notTried(format string, a ...any) {
	c.NotTried = append(c.NotTried, fmt.Sprintf(format, a...))
}

// success holds the answer to a delivery against what the file says of it.
func (c *check) success() {
	a, f := c.verifier.Success(), c.file
	if f.Success != 0 && a.Status != f.Success {
		c.fault("success is answered %d, want %d", a.Status, f.Success)
	}
	if string(a.Body) != f.Answer || a.Header.Get("Content-Type") != f.AnswerType {
		c.fault("success is answered %q %q", a.Header, a.Body)
	}
	if f.MaxBody != 0 && c.verifier.MaxBody() != f.MaxBody {
		c.fault("bodies of %d bytes are taken, want %d", c.verifier.MaxBody(), f.MaxBody)
	}
}

// Judge holds what the vector's request means against what it says; nil: it is the same.
func (v Vector) Judge(got provider.Verdict) (faults []string) {
	fault := func(format string, a ...any) { faults = append(faults, fmt.Sprintf(format, a...)) }
	w := v.Want
	switch {
	case w.Answer != nil:
		return w.Answer.judge(got)
	case got.Answer != nil:
		fault("it is a handshake, answered %d", got.Answer.Status)
	case (got.Invalid != "") != w.Invalid || (got.Reason == provider.InvalidBody) != w.Invalid:
		fault("invalid is %q %s, want %t", got.Invalid, got.Reason, w.Invalid)
	case len(got.Events) != max(w.Events, 1):
		fault("there are %d events, want %d", len(got.Events), max(w.Events, 1))
	default:
		return v.judgeEvent(got.Events[0])
	}
	return faults
}

func (w *Answer) judge(got provider.Verdict) (faults []string) {
	if got.Answer == nil || len(got.Events) != 0 {
		return []string{fmt.Sprintf("it is no handshake, but %d events", len(got.Events))}
	}
	if got.Answer.Status != w.Status || string(got.Answer.Body) != w.Body {
		faults = append(faults, fmt.Sprintf("it is answered %d %q, want %d %q", got.Answer.Status, got.Answer.Body, w.Status, w.Body))
	}
	for name, value := range w.Headers {
		if have := got.Answer.Header.Get(name); have != value {
			faults = append(faults, fmt.Sprintf("header %s of the answer is %q, want %q", name, have, value))
		}
	}
	return faults
}

func (v Vector) judgeEvent(e provider.Event) (faults []string) {
	fault := func(format string, a ...any) { faults = append(faults, fmt.Sprintf(format, a...)) }
	w := v.Want
	for _, one := range []struct{ name, got, want string }{
		{"id", e.ID, w.ID}, {"type", e.Type, w.Type}, {"source", e.Source, w.Source}, {"datacontenttype", e.DataContentType, w.DataContentType},
	} {
		if one.want != "" && one.got != one.want {
			fault("%s is %q, want %q", one.name, one.got, one.want)
		}
	}
	if w.Subject != nil && e.Subject != *w.Subject {
		fault("subject is %q, want %q", e.Subject, *w.Subject)
	}
	if !w.Time.IsZero() && !e.Time.Equal(w.Time) {
		fault("time is %s, want %s", e.Time, w.Time)
	}
	data := v.Body
	if w.Data != nil {
		data = *w.Data
	}
	if string(e.Data) != data && w.Events == 0 {
		fault("data is %q, want %q", e.Data, data)
	}
	if w.Extensions != nil {
		have := map[string]string{}
		for _, x := range e.Extensions {
			have[x.Name] = x.Value
		}
		if !maps.Equal(have, w.Extensions) {
			fault("extensions are %v, want %v", have, w.Extensions)
		}
	}
	if err := e.Validate(); err != nil {
		fault("%v", err)
	}
	return faults
}
