package delivery

import (
	"maps"
	"strings"
	"testing"
)

func TestHeaders(t *testing.T) {
	t.Parallel()
	var b []byte
	for _, one := range [][2]string{{"Vary", "a"}, {"X-Long", strings.Repeat("l", 80)}, {"X-B", "c: d"}, {"Vary", ""}} {
		b = AppendHeader(b, 40, one[0], one[1])
	}
	h := Headers(b)
	if want := map[string]string{"Vary": "a, ", "X-B": "c: d"}; !maps.Equal(h.Map(), want) {
		t.Errorf("%q is %v", h, h.Map())
	}
	if got := Headers(AppendHeader(nil, 1<<20, "A", "b\nC: d"+strings.Repeat("l", 5000))); len(got.Map()) != 1 || len(got.Map()["A"]) != headerBytes {
		t.Errorf("a long one with a line break: %q", got)
	}
	if Headers("").Map() != nil {
		t.Error("none are an empty map")
	}
	for most, want := range map[int]Headers{100: h, len(h): h, len(h) - 1: "Vary: a\nX-B: c: d\n", 8: "Vary: a\n", 7: "", 0: ""} {
		if got := h.Cut(most); got != want {
			t.Errorf("%d bytes: %q, want %q", most, got, want)
		}
	}
}

// Whatever stands in a journal, reading it as headers ends, and what is cut is a part of it.
func FuzzHeaders(f *testing.F) {
	f.Add("A: b\nC:d\n: \n\n", 7)
	f.Fuzz(func(t *testing.T, text string, most int) {
		h := Headers(text)
		for name, value := range h.All() {
			if strings.Contains(name+value, "\n") {
				t.Fatalf("%q has %q: %q", text, name, value)
			}
		}
		if cut := h.Cut(max(most, 0)); !strings.HasPrefix(text, string(cut)) || len(cut) > max(most, 0) {
			t.Fatalf("%q cut to %d is %q", text, most, cut)
		}
		h.Map()
	})
}

func TestWhatTheEndpointRepeatsIsReplaced(t *testing.T) {
	t.Parallel()
	r := Response{Headers: "X-Echo: canary\n", Body: "a canary, a canary", Binary: "\x00canary", Detail: "canary"}
	r.Replace("", "no")
	r.Replace("canary", "***")
	if want := (Response{Headers: "X-Echo: ***\n", Body: "a ***, a ***", Binary: "\x00***", Detail: "canary"}); r != want {
		t.Errorf("%+v", r)
	}
}
