//go:build benches && unix

package root_test

import (
	"encoding/json"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// What is hostile, small and large, leaves a server with few files what it needs for the rest.
func TestBenchOfWhatIsHostile(t *testing.T) {
	t.Parallel()
	out, errs, code := hookspan(t, []string{programVariable + "=1"}, "bench", "hostile", "--json", "--senders", "4", "--count", "150", "--files", "256", "--timeout", "1s")
	var h struct {
		Bodies []struct {
			What    string
			Idle    float64 `json:"idle_rss_mb"`
			RSS     float64 `json:"rss_mb"`
			Answers map[string]int
		}
		Crowds []struct {
			What      string
			Files     int `json:"files_open"`
			Taken     int `json:"webhooks_taken"`
			Delivered int
			Answered  int `json:"admin_answers"`
		}
	}
	if err := json.Unmarshal([]byte(out), &h); err != nil || code != cli.ExitDone || len(h.Bodies) != 3 || len(h.Crowds) != 2 {
		t.Fatalf("code %d: %v\n%s%s", code, err, out, errs)
	}
	for _, b := range h.Bodies {
		if b.RSS <= 0 || b.RSS > 700 || b.Answers["0"] > 0 {
			t.Errorf("%+v", b)
		}
	}
	for _, c := range h.Crowds {
		if c.Files > 200 || c.Taken != 20 || c.Delivered != 20 || c.Answered != 20 {
			t.Errorf("%+v\n%s", c, errs)
		}
	}
}
