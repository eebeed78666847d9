package setting_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/setting"
)

func TestQuotas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]setting.Quota{
		"":          {},
		"10/h":      {Count: 10, Per: time.Hour},
		" 1/s ":     {Count: 1, Per: time.Second},
		"1000000/m": {Count: 1_000_000, Per: time.Minute},
	} {
		var q setting.Quota
		if err := q.Parse(text); err != nil || q != want || q.String() != strings.TrimSpace(text) || len(q.Check()) != 0 {
			t.Errorf("%q: %+v shown as %q, %v", text, q, q.String(), err)
		}
	}
	for _, text := range []string{"10", "0/h", "10/d", "10/", "/h", "1.5/h", "-1/h", "+1/h", "1000001/h", "10/h:2", "10 / h", "1e3/h"} {
		var q setting.Quota
		if err := q.Parse(text); err == nil || !strings.Contains(err.Error(), "such as 10/h") || q != (setting.Quota{}) {
			t.Errorf("%q: %+v, %v", text, q, err)
		}
	}
	for _, q := range []setting.Quota{{Count: 1}, {Per: time.Hour}, {Count: 1, Per: time.Millisecond}, {Count: -1, Per: time.Hour}} {
		if len(q.Check()) != 1 {
			t.Errorf("%+v passes", q)
		}
	}
}
