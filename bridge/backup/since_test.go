package backup

import (
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/statelog"
)

// A backup since a time has what was stored from then on, and what is owed whatever its age.
func TestABackupSinceATime(t *testing.T) {
	t.Parallel()
	i := open(t)
	i.begin()
	i.publish("old")
	ep := i.create("crm")
	waits := i.publish("waits")
	i.publish("delivered")
	young := i.publish("young")
	ref, began := delivery.RefOf(&waits), time.Now().UTC().Truncate(time.Second)
	e := delivery.Entry{ID: delivery.ID(ep, &ref), Endpoint: ep, Event: ref, Number: 2, Due: began, Created: began}
	i.writes(&statelog.Record{
		Revision: i.registry.Set().Revision, Journal: bus.NoPosition, Commands: bus.NoPosition,
		Put: []*delivery.Entry{&e}, Positions: bus.Positions{young.Partition: young.Position},
	})
	owing := map[string][]owed{"waits": {{Endpoint: ep, Number: 2, Due: began, Created: began}}}
	for at, more := range map[time.Time]string{young.Stored: "young", young.Stored.Add(time.Hour): ""} {
		source := i.source()
		var err error
		if source.Since, err = ParseSince(at.Format(time.RFC3339Nano)); err != nil {
			t.Fatal(err)
		}
		want := maps.Clone(owing)
		if more != "" {
			want[more] = nil
		}
		if _, _, got := written(t, source); !cmp.Equal(got, want) {
			t.Errorf("since %v it holds %v, want %v", at, got, want)
		}
	}
}
