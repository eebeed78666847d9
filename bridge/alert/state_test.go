package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func everybody(string) bool { return true }

func one(endpoint string) trouble {
	return trouble{Cause: disabled, Endpoint: "ep_" + endpoint, Name: endpoint, Since: noon, Last: noon, Count: 1}
}

func to(addresses ...string) func() []string { return func() []string { return addresses } }

func TestUnmailedNoticesAreGivenUpAfterAWeek(t *testing.T) {
	t.Parallel()
	s := &state{}
	s.suffer("a", one("a"), noon, to("x", "y"))
	if changed, dropped := s.settle(noon.Add(maxUnmailed-time.Second), everybody); changed || dropped != 0 {
		t.Errorf("within a week: %v, %d", changed, dropped)
	}
	if changed, dropped := s.settle(noon.Add(maxUnmailed), everybody); !changed || dropped != 1 || len(s.Notices) != 0 {
		t.Errorf("after a week: %v, %d, %d are left", changed, dropped, len(s.Notices))
	}
}

func TestARecordIsAllThereIs(t *testing.T) {
	t.Parallel()
	s, err := decode(nil)
	if err != nil || s.Places != nil {
		t.Fatalf("%+v, %v", s, err)
	}
	s.Places = bus.Positions{"ops": {Identity: "i", Seq: 7, Mark: 8}}
	s.suffer("a", one("a"), noon, to("x", "y"))
	s.mailed(s.next("x", noon.Add(gather)))
	s.mend(noon, noon, "a")
	s.Claims = map[string]claim{"y": {"me", noon}}
	s.Beyond = map[string]int{"y": 3}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := json.Marshal(again); err != nil || string(twice) != string(raw) {
		t.Errorf("%v\n%s\nbecame\n%s", err, raw, twice)
	}
	if _, err := decode([]byte(`{"v":2}`)); !errors.Is(err, bus.ErrNewerFormat) {
		t.Errorf("a newer record: %v", err)
	}
	if _, err := decode([]byte(`{`)); err == nil {
		t.Error("half a record is read")
	}
}

// Even with everything that is kept at once, a record fits a message of any bus.
func TestARecordIsSmallEnough(t *testing.T) {
	t.Parallel()
	for _, recipients := range []int{1, 4, 40} {
		addresses := make([]string, recipients)
		for i := range addresses {
			addresses[i] = fmt.Sprintf("somebody-with-a-long-name-%d@a-company-with-a-long-name.example", i)
		}
		s, keys := &state{}, []string{}
		for n := range 5000 {
			x := one(fmt.Sprintf("an-endpoint-with-a-long-name-%d", n))
			x.Detail = quoted(strings.Repeat("x", 2*maxQuoted))
			keys = append(keys, fmt.Sprint(n))
			s.suffer(keys[n], x, noon, to(addresses...))
		}
		for _, key := range keys[:len(keys)/2] { // well again, before anything was mailed
			s.mend(noon, noon, key)
		}
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) > 1_000_000 || len(s.Notices) < 50 || s.Beyond[addresses[0]] < 1000 {
			t.Errorf("%d addresses: %d notices in %d bytes, %d more", recipients, len(s.Notices), len(raw), s.Beyond[addresses[0]])
		}
	}
}
