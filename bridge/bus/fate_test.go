package bus_test

import (
	"context"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/bus/bustest"
)

// A moody bus answers the next writes with these errors; those that land do so all the same.
type moody struct {
	bus.Logs
	answers []answer
}

type answer struct {
	lands bool
	err   error
}

func (m *moody) Append(ctx context.Context, log bus.LogName, r bus.Record) (int64, error) {
	if len(m.answers) == 0 {
		return m.Logs.Append(ctx, log, r)
	}
	a := m.answers[0]
	m.answers = m.answers[1:]
	if a.lands {
		if _, err := m.Logs.Append(ctx, log, r); err != nil {
			return bus.NoPosition, err
		}
	}
	return bus.NoPosition, a.err
}

// Neither an error nor a refusal says what became of a record: the log's tail does.
func TestAppendSettlesTheFateOfARecord(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string][]answer{
		"acknowledgement lost":                  {{true, bus.ErrUnavailable}},
		"never arrived":                         {{false, bus.ErrUnavailable}},
		"refused for no reason":                 {{false, bus.ErrRefused}, {false, bus.ErrRefused}},
		"landed, sent again and refused":        {{true, bus.ErrRefused}},
		"never arrived, then refused, and lost": {{false, bus.ErrUnavailable}, {false, bus.ErrRefused}, {true, bus.ErrUnavailable}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := bus.LogName{Kind: bus.State}
			m := &moody{Logs: bustest.NewMemory()}
			c := bus.NewChain(m, log)
			if _, err := c.Append(t.Context(), []byte("first")); err != nil {
				t.Fatal(err)
			}
			m.answers = answers
			if _, err := c.Append(t.Context(), []byte("second")); err != nil {
				t.Fatalf("append: %v", err)
			}
			if _, err := c.Append(t.Context(), []byte("third")); err != nil {
				t.Fatal(err)
			}
			var got []string
			err := bus.NewChain(m, log).Read(t.Context(), func(r bus.Record) error {
				got = append(got, string(r.Data))
				return nil
			})
			if err != nil || len(got) != 3 || got[1] != "second" || got[2] != "third" {
				t.Errorf("the log holds %q (%v), want each record once", got, err)
			}
		})
	}
}
