package alert

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/tenant"
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
	raw, err := encode(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := encode(again); err != nil || string(twice) != string(raw) {
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
	for _, c := range []struct {
		recipients int
		letter     string
	}{{1, "<"}, {4, `"`}, {40, "x"}} {
		recipients, letter := c.recipients, c.letter
		addresses := make([]string, recipients)
		for i := range addresses {
			addresses[i] = fmt.Sprintf("somebody-with-a-long-name-%d@a-company-with-a-long-name.example", i)
		}
		s, keys := &state{}, []string{}
		for n := range 5000 {
			x := one(fmt.Sprintf("an-endpoint-with-a-long-name-%d", n))
			x.Detail, x.Tenant = quoted(strings.Repeat(letter, 2*maxQuoted)), strings.Repeat(letter, tenant.MaxBytes/len(letter))
			keys = append(keys, fmt.Sprint(n))
			s.suffer(keys[n], x, noon, to(addresses...))
		}
		for _, key := range keys[:len(keys)/2] { // well again, before anything was mailed
			s.mend(noon, noon, key)
		}
		raw, err := encode(s)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) > 1_000_000 || len(s.Notices) < 50 || s.Beyond[addresses[0]] < 1000 {
			t.Errorf("%s, %d addresses: %d notices in %d bytes, %d more", letter, recipients, len(s.Notices), len(raw), s.Beyond[addresses[0]])
		}
	}
}

// Somebody else's event with our source makes no trouble that no record holds.
func TestWhatIsTakenInIsBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 100_000)
	refused := map[string]int{}
	for n := range 2000 {
		refused[fmt.Sprint("reason ", n)] = n
	}
	for name, e := range map[string]*event.Event{
		"endpoint": ops.New(ops.EndpointDisabled, "1", "crm", ops.AboutEndpoint{Endpoint: long, Name: "crm"}),
		"name":     ops.New(ops.EndpointDisabled, "1", "crm", ops.AboutEndpoint{Endpoint: "ep_1", Name: long}),
		"source":   ops.New(ops.SourceRefusals, "1", "", ops.Refusals{Source: long, Count: 1}),
		"reasons":  ops.New(ops.SourceRefusals, "1", "", ops.Refusals{Source: "shop", Count: 1, Reasons: refused}),
		"reason":   ops.New(ops.SourceRefusals, "1", "", ops.Refusals{Source: "shop", Count: 1, Reasons: map[string]int{long: 1}}),
		"tenant":   ops.New(ops.EndpointDisabled, "1", "crm", ops.AboutEndpoint{Endpoint: "ep_1", Name: "crm"}),
	} {
		if name == "tenant" {
			e.SetExtension(tenant.Attribute, long)
		}
		s := &state{}
		s.take(&bus.Message{Event: e, Stored: noon}, noon, func(string, string) []string { return []string{"x"} })
		raw, err := encode(s)
		if err != nil || len(raw) > 4<<10 {
			t.Errorf("a long %s takes %d bytes, %v", name, len(raw), err)
		}
	}
}
