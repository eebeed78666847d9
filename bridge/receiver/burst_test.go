package receiver

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/ops"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/schemas/schematest"
)

func TestBurst(t *testing.T) {
	t.Parallel()
	b, now := &burst{}, time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	refuse := func(n int, every time.Duration) (told []*event.Event) {
		for i := range n {
			reason := provider.BadSignature
			if i%10 == 0 {
				reason = provider.Stale
			}
			if e := b.add("shop", reason, now); e != nil {
				told = append(told, e)
			}
			now = now.Add(every)
		}
		return told
	}
	if told := refuse(100, time.Second); len(told) != 0 {
		t.Errorf("a refusal a second is told %d times", len(told))
	}
	now = now.Add(time.Minute)
	if told := refuse(19, time.Millisecond); len(told) != 0 {
		t.Errorf("19 refusals are told")
	}
	now = now.Add(time.Minute)
	told := refuse(500, 100*time.Millisecond)
	if len(told) != 1 {
		t.Fatalf("500 refusals within a minute are told %d times", len(told))
	}
	first := told[0]
	if err := schematest.OpsEvent(first.Type, first.Data); err != nil {
		t.Error(err)
	}
	var data ops.Refusals
	if err := json.Unmarshal(first.Data, &data); err != nil {
		t.Fatal(err)
	}
	if data.Source != "shop" || data.Count != 20 || data.Refused != 139 || data.Reasons["bad_signature"] != 18 || data.Reasons["stale"] != 2 ||
		!strings.HasPrefix(data.Since.Format(time.RFC3339), "2026-05-04T10:03:") {
		t.Errorf("told %s", first.Data)
	}
	if !strings.Contains(first.Subject, "/") {
		t.Errorf("the subject %q may be an endpoint's name", first.Subject)
	}
	now = now.Add(5 * time.Minute)
	again := refuse(20, time.Millisecond)
	if len(again) != 1 || again[0].ID == first.ID {
		t.Fatalf("a burst five minutes later: %v", again)
	}
	if err := json.Unmarshal(again[0].Data, &data); err != nil || data.Refused != 500 {
		t.Errorf("told %s, %v; want what was refused in between as well", again[0].Data, err)
	}
}
