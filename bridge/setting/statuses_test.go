package setting_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/hookspan/hookspan/bridge/setting"
)

type statusSettings struct {
	On setting.Statuses `env:"ON" envDefault:"200-299" doc:"Statuses."`
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`"200-299, 404"`:       "[200-299 404]",
		`["200-204","404"]`:    "[200-204 404]",
		`[404, "500-599",410]`: "[404 500-599 410]",
		`404`:                  "[404]",
		`"999"`:                "[999]",
		`[]`:                   "[]",
		`null`:                 "[200-299]",
		`"199"`:                "on[0]: want status codes between 200 and 999 and ranges of them, such as 200-299,404",
		`"404,1000"`:           "on[1]: want status codes between 200 and 999 and ranges of them, such as 200-299,404",
		`[404,4.5]`:            "on[1]: want status codes between 200 and 999 and ranges of them, such as 200-299,404",
		`"299-200"`:            "on[0]: want status codes between 200 and 999 and ranges of them, such as 200-299,404",
		`"2xx"`:                "on[0]: want status codes between 200 and 999 and ranges of them, such as 200-299,404",
		`"200-"`:               "on[0]: want status codes between 200 and 999 and ranges of them, such as 200-299,404",
		`"+20"`:                "on[0]: want status codes between 200 and 999 and ranges of them, such as 200-299,404",
		`""`:                   "on: want a value; left out, or null, it is the default",
		`[true]`:               "on[0]: want status codes between 200 and 999 and ranges of them, such as 200-299,404",
		`{}`:                   "on: must be a list of strings, or one string",
	} {
		var s statusSettings
		f := setting.Of(&s)[0]
		f.Reset(&s)
		got := ""
		if faults := f.Patch(&s, json.RawMessage(raw)); len(faults) > 0 {
			got = faults[0].Field + ": " + faults[0].Message
		} else {
			got = fmt.Sprint(f.Show(&s))
		}
		if got != want {
			t.Errorf("%s: %s, want %s", raw, got, want)
		}
	}
	on := setting.Statuses{{200, 299}, {404, 404}}
	for status, has := range map[int]bool{0: false, 199: false, 200: true, 250: true, 299: true, 300: false, 404: true, 405: false} {
		if on.Has(status) != has {
			t.Errorf("%d: %v", status, !has)
		}
	}
	if n := on.Common(setting.Statuses{{400, 499}, {290, 300}}); n != 290 {
		t.Errorf("in common: %d, want 290", n)
	}
	if n := on.Common(setting.Statuses{{300, 403}}); n != 0 {
		t.Errorf("in common: %d, want none", n)
	}
	if faults := (setting.Statuses{{404, 403}}).Check(); len(faults) != 1 || faults[0].Field != "[0]" {
		t.Errorf("checked: %v", faults)
	}
	if faults := make(setting.Statuses, 101).Check(); len(faults) != 1 || faults[0].Field != "" {
		t.Errorf("checked: %v", faults)
	}
}
