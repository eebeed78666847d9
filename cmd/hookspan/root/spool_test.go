package root_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/root"
)

// What came on the standard input of a restore that was killed goes with the next one; what one
// still reads stays.
func TestInputOfARestoreDoesNotStayBehind(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	killed := func() {
		t.Helper()
		dead := filepath.Join(tmp, "hookspan-restore-dead")
		if err := os.Mkdir(dead, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"lock", "backup"} {
			if err := os.WriteFile(filepath.Join(dead, name), []byte("half of it"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	environ := []string{"TMPDIR=" + tmp, "HOOKSPAN_DATA_DIR=" + filepath.Join(tmp, "data"), "HOOKSPAN_SEAL_KEY=" + sealKey}
	there := func() string {
		t.Helper()
		left, err := filepath.Glob(filepath.Join(tmp, "hookspan-restore-*"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(left, " ")
	}
	restore := func(ctx context.Context, in io.Reader) string {
		var out bytes.Buffer
		term := &cli.Terminal{In: in, Out: &out, Err: &out, Environ: environ}
		if code := term.Run(ctx, root.Command, []string{"restore", "-"}); code != cli.ExitFailed {
			t.Errorf("code %d", code)
		}
		return out.String()
	}

	killed()
	reads, writes := io.Pipe()
	ctx, interrupt := context.WithCancel(t.Context())
	said := make(chan string, 1) // the goroutine sends, once
	go func() { said <- restore(ctx, reads) }()
	if _, err := writes.Write([]byte("a part")); err != nil { // it has a folder once it reads
		t.Fatal(err)
	}
	alive := there()
	if strings.Contains(alive, "dead") || alive == "" || strings.Contains(alive, " ") {
		t.Errorf("beside one that reads there are %q", alive)
	}
	if says := restore(t.Context(), strings.NewReader("")); !strings.Contains(says, "the backup is cut off") {
		t.Errorf("without input: %s", says)
	}
	killed()
	next := join(t, environ)
	await(t, next.open)
	next.interrupt()
	if now := there(); now != alive {
		t.Errorf("there were %q, and are %q", alive, now)
	}
	interrupt()
	if says := <-said; !strings.Contains(says, "take in the backup: context canceled") {
		t.Errorf("interrupted: %s", says)
	}
	if left := there(); left != "" {
		t.Errorf("%s stays behind", left)
	}
}
