package receiver

import (
	"strings"
	"testing"
)

func TestAKeyBecomesAnIDOnlyWhereAnIDMayBeIt(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{
		"k-1": true, `"k"`: true, "k 1": true, "sch\u00f6n": true, strings.Repeat("k", maxID): true,
		"": false, strings.Repeat("k", maxID+1): false, "a\x00": false, "a\u0085": false, "\xff": false, "a\ufffe": false, "\ufdd0": false,
	} {
		if usableID(key) != want {
			t.Errorf("%.20q: %v", key, !want)
		}
	}
}
