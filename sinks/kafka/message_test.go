package kafka_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
)

// What a record's event has lost, why it is none, and how one that is none looks like one.
func TestWhatIsSaidOfARecord(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	store := open(t, cluster, kafka.Options{})
	records := []struct {
		headers, data       string
		flaws               int
		fault, looks, typed string
	}{
		{"ce_specversion=1.0 ce_id=7 ce_source=/s ce_type=t", "x", 0, "", "", "t"},
		{"ce_specversion=1.0 ce_id=7 ce_source=/s ce_type=t ce_time=now", "x", 1, "", "", "t"},
		{"ce_specversion=1.0 ce_id=7 ce_source=/s", "x", 0, "attribute type is missing", "", shop},
		{"ce-specversion=1.0 ce-id=7 ce-source=/s ce-type=t", "x", 0, "", "the header ce-id would be an attribute of an event as ce_id", shop},
		{"content-type=application/json", `{"specversion":"1.0","id":"7","source":"/s","type":"t"}`, 0, "", `content type "application/json"`, shop},
		{"", `{"specversion":"1.0","id":"7"`, 0, "is no JSON object", "", shop},
		{"", `{"id":"7"}`, 0, "", "", shop},
	}
	producer := cluster.client(t, kgo.DefaultProduceTopic(shop))
	for _, r := range records {
		record := &kgo.Record{Value: []byte(r.data)}
		for field := range strings.FieldsSeq(r.headers) {
			name, value, _ := strings.Cut(field, "=")
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
		if err := producer.ProduceSync(within(t), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	enough := errors.New("enough")
	var got []bus.Message
	sp := spans(t, store)[shop+"/0"]
	err := store.Follow(within(t), sp.Partition, front(sp), func(batch []bus.Message) error {
		if got = append(got, batch...); len(got) >= len(records) {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	for i, m := range got {
		want := records[i]
		if m.Event.Type != want.typed || len(m.Flaws) != want.flaws || (m.Fault == "") != (want.fault == "") || !strings.Contains(m.Fault, want.fault) ||
			(m.Likeness == "") != (want.looks == "") || !strings.Contains(m.Likeness, want.looks) {
			t.Errorf("record %d: %+v, flaws %v, fault %q, likeness %q", i, m.Event, m.Flaws, m.Fault, m.Likeness)
		}
	}
}
