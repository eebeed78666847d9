package delivery

import (
	"reflect"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/schemas/schematest"
)

// To versions that know no presence a line of one is a note of no endpoint, and it never is an attempt.
func TestPresencesStandInThePlaceOfNotes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	all := []Presence{{Replica: "pod-1:8081", At: at, Keys: []string{"b", "a"}}, {Replica: "pod-2:8081", At: at, Left: true}}
	batch := AppendAttempt(NewBatch(1), &Attempt{Delivery: "d", Endpoint: "e", Event: EventRef{ID: "1", Source: "/s", Type: "t", Topic: "t", Partition: "p", Position: bus.Position{Identity: "i"}}, Number: 1})
	batch = AppendPresence(batch, all[0])
	batch = AppendNotes(batch, []Note{{Endpoint: "e", At: at}})
	batch = AppendPresence(batch, all[1])
	if err := schematest.JournalBatch(batch); err != nil {
		t.Error(err)
	}
	var got []Presence
	if err := DecodePresences(batch, func(p Presence) { got = append(got, p) }); err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("read back as %v, %v", got, err)
	}
	attempts, glanced, notes := 0, 0, 0
	for _, err := range []error{
		DecodeAttempts(batch, func(Attempt) error { attempts++; return nil }),
		GlanceAttempts(batch, func(time.Time, bool) { glanced++ }),
		DecodeNotes(batch, func(n Note) { notes++ }),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if attempts != 1 || glanced != 1 || notes != 1 {
		t.Errorf("%d attempts, %d at a glance, %d notes; want one each", attempts, glanced, notes)
	}
	if err := DecodePresences([]byte("v1\n"+`{"note":{"replica":5}}`+"\n"), func(Presence) {}); err == nil {
		t.Error("a presence of a number is read")
	}
}
