package scheme

import (
	"errors"
	"fmt"
	"time"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/scheme/instant"
)

// A freshnessSpec says which value is the time of sending, and how old it may be.
type freshnessSpec struct {
	Time      string               `yaml:"time" doc:"The value that holds it, written like the time of an event. It is enforced where a signature covers it by name; else only where a source asks for it by its tolerance." example:"time: 'header:X-Acme-Timestamp'"`
	Tolerance declaration.Duration `yaml:"tolerance" doc:"How far it may be from now, either way; 5m unless it says otherwise." example:"time: 'header:X-Acme-Timestamp', tolerance: 10m"`
	Always    bool                 `yaml:"always" doc:"It is enforced although the value stands inside the signed body." example:"time: /sent_at, always: true"`
}

// freshness refuses what was sent too long ago or is dated too far ahead.
type freshness struct {
	time      Template
	tolerance time.Duration
	signed    bool
}

const defaultTolerance = 5 * time.Minute

// freshness returns nil where nothing is enforced: that is so where the time is not signed,
// unless the source sets a tolerance, and where the source sets the tolerance to zero.
func (c *Compiler) freshness(spec *freshnessSpec, steps []*step) (*freshness, error) {
	asked := c.Tolerance
	if asked != nil && *asked < 0 {
		return nil, errors.New("tolerance: it must not be negative; 0 turns the check off")
	}
	if spec == nil || spec.Time == "" {
		if asked != nil && *asked > 0 {
			return nil, errors.New("tolerance: there is no time that could be checked; leave it out")
		}
		return nil, nil
	}
	f := &freshness{tolerance: defaultTolerance, signed: spec.Always}
	var err error
	if f.time, err = c.Selector(spec.Time); err != nil {
		return nil, fmt.Errorf("time: %w", err)
	}
	for _, s := range steps {
		for _, scheme := range s.schemes {
			if content := scheme.signs(); content != nil {
				f.signed = f.signed || content.holds(f.time)
			}
		}
	}
	if spec.Tolerance > 0 {
		f.tolerance = time.Duration(spec.Tolerance)
	}
	if asked != nil {
		f.tolerance = *asked
	}
	if f.tolerance == 0 || (!f.signed && asked == nil) {
		return nil, nil
	}
	return f, nil
}

func (f *freshness) Verify(x *Exchange) *Refusal {
	text, ok := f.time.Value(x)
	if !ok {
		return &Refusal{Stale, "the time of sending, " + f.time.String() + ", is missing"}
	}
	sent, ok := instant.Parse(text, x.Setup.Zone)
	if !ok {
		return &Refusal{Stale, "the time of sending, " + f.time.String() + ", cannot be read"}
	}
	switch age := x.Request.Received.Sub(sent); {
	case age > f.tolerance:
		return &Refusal{Stale, fmt.Sprintf("sent %s ago, %s is allowed", age.Round(time.Second), f.tolerance)}
	case age < -f.tolerance:
		return &Refusal{Future, fmt.Sprintf("dated %s ahead, %s is allowed", (-age).Round(time.Second), f.tolerance)}
	default:
		return nil
	}
}
