package spelling_test

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/spelling"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"batch_size", "batch_wait", "encoding", "encrypt", "hash", "header", "header_prefix"}
	for word, want := range map[string]string{
		"encrpyt": "encrypt", "Encrypt": "encrypt", "batchsize": "batch_size", "hahs": "hash", "headers": "header", "encrypt": "encrypt",
	} {
		if got := spelling.Nearest(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
	if got := spelling.Nearest("x", nil); got != "" {
		t.Errorf("of none: %q", got)
	}
}
