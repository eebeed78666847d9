package endpoint_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	set := func(name, value string) func(*endpoint.Endpoint) {
		return func(e *endpoint.Endpoint) { e.Headers = []endpoint.Header{{Name: name, Value: value}} }
	}
	for _, c := range []struct {
		name string
		edit func(*endpoint.Endpoint)
		want string // the fields at fault
	}{
		{"good", func(*endpoint.Endpoint) {}, ""},
		{"http is for the egress check", func(e *endpoint.Endpoint) { e.URL = "http://127.0.0.1:8080/x?y=z" }, ""},
		{"no retries", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Schedule{} }, ""},
		{"a long schedule", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(1, 1, 1, 1, 1, 1, 1, 1, 1, 1) }, ""},
		{"never disabled", func(e *endpoint.Endpoint) { e.DisableAfter = 0 }, ""},
		{"a time", func(e *endpoint.Endpoint) { e.Start = "2026-05-01T00:00:00+02:00" }, ""},
		{"a regular expression", func(e *endpoint.Endpoint) { e.Topics = []string{`/^orders\./`} }, ""},
		{"encrypted", func(e *endpoint.Endpoint) {
			e.Options, e.EncryptSecret = map[string]string{"encrypt": "aes-256-cbc"}, "k"
		}, ""},
		{"no name", func(e *endpoint.Endpoint) { e.Name = "" }, "name"},
		{"name with an underscore", func(e *endpoint.Endpoint) { e.Name = "a_b" }, "name"},
		{"name too long", func(e *endpoint.Endpoint) { e.Name = strings.Repeat("a", 64) }, "name"},
		{"no url", func(e *endpoint.Endpoint) { e.URL = "" }, "url"},
		{"no scheme", func(e *endpoint.Endpoint) { e.URL = "crm.example/hooks" }, "url"},
		{"another scheme", func(e *endpoint.Endpoint) { e.URL = "file:///etc/passwd" }, "url"},
		{"no host", func(e *endpoint.Endpoint) { e.URL = "https:///x" }, "url"},
		{"opaque", func(e *endpoint.Endpoint) { e.URL = "https:crm.example" }, "url"},
		{"user", func(e *endpoint.Endpoint) { e.URL = "https://user@crm.example/" }, "url"},
		{"fragment", func(e *endpoint.Endpoint) { e.URL = "https://crm.example/#x" }, "url"},
		{"backslash", func(e *endpoint.Endpoint) { e.URL = `https://crm.example\@other.example/` }, "url"},
		{"tab", func(e *endpoint.Endpoint) { e.URL = "https://crm.example/\tx" }, "url"},
		{"port", func(e *endpoint.Endpoint) { e.URL = "https://crm.example:0/" }, "url"},
		{"port missing", func(e *endpoint.Endpoint) { e.URL = "https://crm.example:/" }, "url"},
		{"no events", func(e *endpoint.Endpoint) { e.Events = nil }, "events"},
		{"an empty pattern", func(e *endpoint.Endpoint) { e.Events = []string{"*", ""} }, "events[1]"},
		{"a pattern with a space", func(e *endpoint.Endpoint) { e.Events = []string{"a b"} }, "events[0]"},
		{"> in the middle", func(e *endpoint.Endpoint) { e.Topics = []string{"a.>.b"} }, "topics[0]"},
		{"a bad expression", func(e *endpoint.Endpoint) { e.Topics = []string{"ok", "/(/"} }, "topics[1]"},
		{"start", func(e *endpoint.Endpoint) { e.Start = "2026-05-01" }, "start"},
		{"an empty secret", func(e *endpoint.Endpoint) { e.Secrets = []string{"x", ""} }, "secrets[1]"},
		{"a wait of 0", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Second, 0) }, "schedule[1]"},
		{"other statuses", func(e *endpoint.Endpoint) {
			e.SuccessOn, e.GiveUpOn = setting.Statuses{{200, 204}, {410, 410}}, setting.Statuses{{205, 299}, {400, 409}}
		}, ""},
		{"no success", func(e *endpoint.Endpoint) { e.SuccessOn = nil }, "success_on"},
		{"a status that is none", func(e *endpoint.Endpoint) { e.SuccessOn = setting.Statuses{{200, 200}, {100, 299}} }, "success_on[1]"},
		{"success and failure at once", func(e *endpoint.Endpoint) { e.GiveUpOn = setting.Statuses{{404, 404}, {299, 300}} }, "give_up_on"},
		{"jitter", func(e *endpoint.Endpoint) { e.Jitter = 1.1 }, "jitter"},
		{"timeout", func(e *endpoint.Endpoint) { e.Timeout = 0 }, "timeout"},
		{"rate", func(e *endpoint.Endpoint) { e.Rate = endpoint.Rate{PerSecond: 5, Burst: -1} }, "rate"},
		{"concurrency", func(e *endpoint.Endpoint) { e.Concurrency = 0 }, "concurrency"},
		{"disable_after", func(e *endpoint.Endpoint) { e.DisableAfter = -1 }, "disable_after"},
		{"content", func(e *endpoint.Endpoint) { e.Content = "" }, "content"},
		{"a batch too large", func(e *endpoint.Endpoint) {
			e.Content, e.Options = "batch", map[string]string{"batch_size": "5000"}
		}, "options"},
		{"a key for nothing", func(e *endpoint.Endpoint) { e.EncryptSecret = "k" }, "encrypt_secret"},
		{"a cipher without a key", func(e *endpoint.Endpoint) { e.Options = map[string]string{"encrypt": "aes-256-cbc"} }, "encrypt_secret"},
		{"many secrets", func(e *endpoint.Endpoint) { e.Secrets = make([]string, 11) }, "secrets"},
		{"a long secret", func(e *endpoint.Endpoint) { e.Secrets = []string{strings.Repeat("k", 4097)} }, "secrets[0]"},
		{"a long key", func(e *endpoint.Endpoint) {
			e.Options, e.EncryptSecret = map[string]string{"encrypt": "aes-256-cbc"}, setting.Secret(strings.Repeat("k", 4097))
		}, "encrypt_secret"},
		{"many waits", func(e *endpoint.Endpoint) {
			e.Schedule = endpoint.Waits(slices.Repeat([]time.Duration{time.Second}, 101)...)
		}, "schedule"},
		{"a long wait", func(e *endpoint.Endpoint) { e.Schedule = endpoint.Waits(time.Second, 1<<62) }, "schedule[1]"},
		{"never disabled in a lifetime", func(e *endpoint.Endpoint) { e.DisableAfter = 1 << 62 }, "disable_after"},
		{"many patterns", func(e *endpoint.Endpoint) { e.Events = slices.Repeat([]string{"a"}, 101) }, "events"},
		{"many topics", func(e *endpoint.Endpoint) { e.Topics = slices.Repeat([]string{"a"}, 101) }, "topics"},
		{"a long pattern", func(e *endpoint.Endpoint) { e.Events = []string{strings.Repeat("a", 513)} }, "events[0]"},
		{"a long topic", func(e *endpoint.Endpoint) { e.Topics = []string{strings.Repeat("a", 513)} }, "topics[0]"},
		{"a long url", func(e *endpoint.Endpoint) { e.URL = "https://crm.example/" + strings.Repeat("a", 2048) }, "url"},
		{"large headers", func(e *endpoint.Endpoint) {
			e.Headers = nil
			for i := range 5 {
				e.Headers = append(e.Headers, endpoint.Header{Name: "X-" + strconv.Itoa(i), Value: strings.Repeat("a", 8000)})
			}
		}, "headers"},
		{"a header of our own", set("X-Team", "blue and green"), ""},
		{"authorization", set("Authorization", "Bearer x"), ""},
		{"host", set("hOsT", "other.example"), "headers.hOsT"},
		{"length", set("Content-Length", "0"), "headers.Content-Length"},
		{"framing", set("Transfer-Encoding", "chunked"), "headers.Transfer-Encoding"},
		{"connection", set("Connection", "close"), "headers.Connection"},
		{"te", set("TE", "trailers"), "headers.TE"},
		{"trailer", set("Trailer", "x"), "headers.Trailer"},
		{"upgrade", set("Upgrade", "h2c"), "headers.Upgrade"},
		{"expect", set("Expect", "100-continue"), "headers.Expect"},
		{"signature", set("webhook-signature", "v1,x"), "headers.webhook-signature"},
		{"delivery", set("Hookspan-Delivery", "x"), "headers.Hookspan-Delivery"},
		{"cloudevents", set("ce-id", "x"), "headers.ce-id"},
		{"a line break in the value", set("X-A", "a\r\nHost: b"), "headers.X-A"},
		{"a NUL in the value", set("X-A", "a\x00"), "headers.X-A"},
		{"a line break in the name", set("X-A\r\nHost", "b"), "headers"},
		{"a colon in the name", set("X:A", "b"), "headers"},
		{"no name", set("", "b"), "headers"},
		{"twice", func(e *endpoint.Endpoint) {
			e.Headers = []endpoint.Header{{Name: "X-A", Value: "1"}, {Name: "x-a", Value: "2"}}
		}, "headers.x-a"},
	} {
		e := receiver("crm")
		c.edit(e)
		var fields []string
		for _, f := range e.Validate() {
			fields = append(fields, f.Field)
			if f.Message == "" || strings.Contains(f.Message, "passwd") {
				t.Errorf("%s: message %q", c.name, f.Message)
			}
		}
		if got := strings.Join(fields, " "); got != c.want {
			t.Errorf("%s: fields %q, want %q", c.name, got, c.want)
		}
	}
}
