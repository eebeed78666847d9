package header_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/header"
)

// net/http writes no header that has another form: its own rule is the reference.
func TestNamesAndValuesAreThoseOfHTTP(t *testing.T) {
	t.Parallel()
	sent := func(name, value string) bool {
		r, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:0/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header[name] = []string{value}
		_, err = http.DefaultTransport.RoundTrip(r) // nobody listens; a bad header is refused before
		return !strings.Contains(err.Error(), "invalid header field")
	}
	for c := range 256 {
		if text := "a" + string([]byte{byte(c)}); header.ValidName(text) != sent(text, "x") {
			t.Errorf("name with byte %#x: %v", c, header.ValidName(text))
		} else if header.ValidValue(text) != sent("X-A", text) {
			t.Errorf("value with byte %#x: %v", c, header.ValidValue(text))
		}
	}
	if header.ValidName("") || !header.ValidValue("") {
		t.Error("nothing is no name, but it is a value")
	}
}
