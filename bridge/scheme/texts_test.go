package scheme_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/scheme"
)

func TestTextsStayAsTheyWere(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 10, 0, 0, 120_000_000, time.UTC)
	for name, texts := range map[string]*scheme.Texts{"shared": {}, "each its own": nil} {
		t.Run(name, func(t *testing.T) {
			var got, want []string
			for n := range 40 { // several pieces, and texts that are longer than one
				raw := []byte(strings.Repeat("x", n*n))
				got = append(got, texts.Join("com.shop", ".", string(raw)), texts.Copy(raw), texts.Time(at))
				want = append(want, "com.shop."+string(raw), string(raw), "2026-05-04T10:00:00.12Z")
				for i := range raw {
					raw[i] = '!' // the bytes are somebody's who uses them again
				}
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("text %d is %q, want %q", i, got[i], want[i])
				}
			}
		})
	}
}

func TestTextsOfOneEventAreOneAllocation(t *testing.T) {
	raw := []byte("order.shipped")
	if n := testing.AllocsPerRun(100, func() {
		var texts scheme.Texts
		for range 8 {
			texts.Copy(raw)
		}
		texts.Time(time.Unix(1763700000, 0))
	}); n != 1 {
		t.Errorf("%v allocations", n)
	}
}
