package publish_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/kafka/publish"
)

var errEnough = errors.New("enough")

func FuzzMarkers(f *testing.F) {
	two := publish.AppendMarker([]byte{2}, bus.Publication{Topic: "hookspan.events.shop", Source: "/sources/shop", ID: "order-1", Mark: "m"})
	two = publish.AppendMarker(two, bus.Publication{})
	f.Add(two)
	f.Add(two[:len(two)-1])
	f.Add([]byte("\x01\x01t\x01s\x02id")) // as it was written before there were marks
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Add([]byte{3, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		read := func(data []byte) (list []bus.Publication) {
			_ = publish.ReadMarkers(data, func(p bus.Publication) error {
				list = append(list, p)
				return nil
			})
			return list
		}
		list := read(data)
		again := []byte{2}
		for _, m := range list {
			again = publish.AppendMarker(again, m)
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
	err := publish.ReadMarkers([]byte("\x01\x01t\x01s\x02id\x01t\x01s\x02ie"), func(p bus.Publication) error {
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
	two := publish.AppendMarker(publish.AppendMarker([]byte{2}, bus.Publication{ID: "a"}), bus.Publication{ID: "b"})
	n := 0
	err := publish.ReadMarkers(two, func(bus.Publication) error { n++; return errEnough })
	if !errors.Is(err, errEnough) || n != 1 {
		t.Errorf("%d were read, %v", n, err)
	}
}
