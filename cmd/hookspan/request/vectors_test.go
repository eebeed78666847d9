package request

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider/vector"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// What is printed claims no more than was tried.
func TestWhatWasNotTriedIsPrinted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		expected, want string // lines
		code, notTried int
	}{
		"named": {"an invented token", "own/a: holds; 25 alterations of it are refused\n" +
			"  not tried: the body: unsigned_body says that the proof does not cover it\n" +
			"  not tried: a stale and a future time: the vector has no tolerance, so none is checked\n", cli.ExitDone, 2},
		"unnamed": {"", "own/a: holds; 2 alterations of it are refused\n" +
			"  not tried: the body: unsigned_body says that the proof does not cover it\n" +
			"  not tried: the signature: the vector's expected does not name it\n" +
			"  not tried: the body without its proof: it is taken with nothing around it, and expected names no part of it\n" +
			"  not tried: a stale and a future time: the vector has no tolerance, so none is checked\n", cli.ExitDone, 4},
		"not there": {"another token", "own/a: FAILED\n  no header holds the expected signature, nor does the URL or the body\n" +
			"  not tried: the body: unsigned_body says that the proof does not cover it\n" +
			"  not tried: a stale and a future time: the vector has no tolerance, so none is checked\n", cli.ExitFailed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "own.yaml")
			place := vector.Beside(file, "own")
			if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
				t.Fatal(err)
			}
			for path, text := range map[string]string{
				file: "name: own\nverify: [{token: {in: /token}}]\nevent: {prefix: com.own, id: /id}\n",
				place: `{"provider":"own","unsigned_body":true,"vectors":[{"id":"a","body":"{\"id\":\"7\",\"token\":\"an invented token\",\"a\":1,\"b\":2,\"c\":3}",` +
					`"expected":"` + c.expected + `","secrets":["an invented token"],"received":"2026-05-04T10:00:00Z","want":{"id":"7"}}]}`,
			} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out, errs bytes.Buffer
			quiet := func(t *cli.Terminal) *cobra.Command { // as under the program's own root
				cmd := testCommand(t)
				cmd.SilenceUsage, cmd.SilenceErrors = true, true
				return cmd
			}
			run := func(args ...string) int {
				out.Reset()
				return (&cli.Terminal{In: strings.NewReader(""), Out: &out, Err: &errs}).Run(t.Context(), quiet, args)
			}
			if code := run(file); code != c.code || out.String() != c.want {
				t.Errorf("code %d, %s%s\nwant %s", code, &out, &errs, c.want)
			}
			var line struct {
				NotTried []string `json:"not_tried"`
			}
			if code := run(file, "--json"); code != c.code || json.Unmarshal(out.Bytes(), &line) != nil || len(line.NotTried) != c.notTried {
				t.Errorf("code %d, %s%s", code, &out, &errs)
			}
		})
	}
}
