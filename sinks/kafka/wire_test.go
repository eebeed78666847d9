package kafka_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, topic string
		want        bool
	}{
		{"orders", "orders", true},
		{"orders", "orders.eu", false},
		{`/^orders\./`, "orders.eu", true},
		{`/^orders\./`, "my.orders.eu", false},
		{`/orders/`, "my.orders.eu", true},
		{`/^(orders|bills)$/`, "bills", true},
	} {
		if got, err := kafka.Finds(c.text, c.topic); err != nil || got != c.want {
			t.Errorf("%s finds %s: %v, %v", c.text, c.topic, got, err)
		}
	}
	for _, text := range []string{"", "/", "/orders", "orders/", "/(/", "a b", "orders.>", "*"} {
		if _, err := kafka.Finds(text, "orders"); err == nil {
			t.Errorf("%q is taken for a pattern", text)
		}
	}
}

func FuzzMarkers(f *testing.F) {
	two := kafka.AppendMarker([]byte{2}, bus.Publication{Topic: "hookspan.events.shop", Source: "/sources/shop", ID: "order-1", Mark: "m"})
	two = kafka.AppendMarker(two, bus.Publication{})
	f.Add(two)
	f.Add(two[:len(two)-1])
	f.Add([]byte("\x01\x01t\x01s\x02id")) // as it was written before there were marks
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add([]byte{3, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		read := func(data []byte) (list []bus.Publication) {
			_ = kafka.ReadMarkers(data, func(p bus.Publication) error {
				list = append(list, p)
				return nil
			})
			return list
		}
		list := read(data)
		again := []byte{2}
		for _, m := range list {
			again = kafka.AppendMarker(again, m)
		}
		if back := read(again); !slices.Equal(back, list) {
			t.Errorf("%q is read as %v and comes back as %v", data, list, back)
		}
	})
}

// Replicas of the version before write markers without a mark.
func TestMarkersWithoutAMarkAreRead(t *testing.T) {
	t.Parallel()
	var got []bus.Publication
	err := kafka.ReadMarkers([]byte("\x01\x01t\x01s\x02id\x01t\x01s\x02ie"), func(p bus.Publication) error {
		got = append(got, p)
		return nil
	})
	want := []bus.Publication{{Topic: "t", Source: "s", ID: "id"}, {Topic: "t", Source: "s", ID: "ie"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("read %v, %v", got, err)
	}
}

func TestMarkersEndWithTheError(t *testing.T) {
	t.Parallel()
	two := kafka.AppendMarker(kafka.AppendMarker([]byte{2}, bus.Publication{ID: "a"}), bus.Publication{ID: "b"})
	n := 0
	err := kafka.ReadMarkers(two, func(bus.Publication) error { n++; return errEnough })
	if !errors.Is(err, errEnough) || n != 1 {
		t.Errorf("%d were read, %v", n, err)
	}
}

func FuzzReadRecord(f *testing.F) {
	f.Add(kafka.AppendHead(nil, bus.Record{ID: [16]byte{1}, Prev: 7, PrevID: [16]byte{2}}), []byte("data"))
	f.Add([]byte{}, []byte(nil))
	f.Add([]byte{2}, []byte("newer"))
	f.Add(bytes.Repeat([]byte{1}, 40), []byte("short"))
	f.Fuzz(func(t *testing.T, head, data []byte) {
		r, err := kafka.ReadRecord(&kgo.Record{Offset: 9, Value: data, Headers: []kgo.RecordHeader{{Key: "other"}, {Key: kafka.HeaderRecord, Value: head}}})
		if err != nil {
			if !errors.Is(err, bus.ErrNewerFormat) || head[0] < 2 {
				t.Errorf("%x: %v", head, err)
			}
			return
		}
		if again := kafka.AppendHead(nil, r); r.Prev != bus.NoPosition && !bytes.Equal(again, head[:len(again)]) {
			t.Errorf("%x is read as %v, which is written as %x", head, r, again)
		}
	})
}

func TestARecordOfAnotherKindFollowsNothing(t *testing.T) {
	t.Parallel()
	r, err := kafka.ReadRecord(&kgo.Record{Offset: 9, Value: []byte("theirs")})
	if err != nil || r.Pos != 9 || r.Prev != bus.NoPosition || r.ID != [16]byte{} {
		t.Errorf("read as %v, %v", r, err)
	}
}

func TestNamesOfTopics(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "Hookspan.events_shop-1", strings.Repeat("x", 249)} {
		if err := kafka.CheckTopic(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "ä", "a b", "a\n", strings.Repeat("x", 250)} {
		if err := kafka.CheckTopic(name); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
}
