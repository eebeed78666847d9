package backup

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
)

// made is a small backup.
func made(t *testing.T, version int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := newWriter(&b)
	stored1 := &stored{Topic: "hookspan.events.shop.paid", Stored: time.Unix(7, 0), ID: "1", Source: "/s", Type: "paid", Data: []byte("{}"), Owed: []owed{{Endpoint: "ep_1"}}}
	for _, l := range []*line{
		{Head: &Head{Version: version, By: "7.7.7"}},
		{Endpoint: &account{Record: []byte(`{"v":1}`)}},
		{Event: stored1},
	} {
		if err := w.line(l); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.end(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// textOf is what stands in a file; false where gzip cannot read it.
func textOf(file []byte) (string, bool) {
	zip, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return "", false
	}
	text, err := io.ReadAll(zip)
	return string(text), err == nil
}

// edited is a backup whose text somebody has changed.
func edited(t *testing.T, file []byte, from, to string) []byte {
	t.Helper()
	text, ok := textOf(file)
	if !ok || !strings.Contains(text, from) {
		t.Fatalf("%q is not in %s", from, text)
	}
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, strings.Replace(text, from, to, 1)) // memory takes it
	_ = w.Close()
	return b.Bytes()
}

func TestCheckSaysWhatABackupHolds(t *testing.T) {
	t.Parallel()
	head, holds, err := Check(bytes.NewReader(made(t, Version)))
	if err != nil || head.By != "7.7.7" {
		t.Fatalf("head %+v, error %v", head, err)
	}
	if holds.Endpoints != 1 || holds.Events != 1 || holds.Deliveries != 1 || !holds.Oldest.Equal(time.Unix(7, 0)) {
		t.Errorf("it holds %+v", holds)
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	file := made(t, Version)
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":                    {nil, ErrCutOff},
		"a text":                     {[]byte("hookspan\n"), ErrNoBackup},
		"something else under gzip":  {edited(t, file, `{"head":`, `{"face":`), ErrNoBackup},
		"a newer format":             {made(t, Version+1), bus.ErrNewerFormat},
		"another text":               {edited(t, file, `"1"`, `"2"`), ErrDamaged},
		"an event without its owing": {edited(t, file, `"ep_1"`, `"ep_2"`), ErrDamaged},
		"a line of no kind":          {edited(t, file, `{"event":`, `{"thing":`), ErrDamaged},
		"something behind the end":   {edited(t, file, `"sha256":`, `"more":"",`+"\n"+`"sha256":`), ErrDamaged},
		"half of it twice":           {append(bytes.Clone(file), 'x'), ErrDamaged},
	} {
		if _, _, err := Check(bytes.NewReader(c.file)); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	for n := range file {
		if _, _, err := Check(bytes.NewReader(file[:n])); !errors.Is(err, ErrCutOff) {
			t.Errorf("cut off after %d of %d bytes: error %v", n, len(file), err)
		}
	}
	whole, _ := textOf(file)
	const begin = 10 // what stands in gzip's head changes nothing of the text
	for n := begin; n < len(file); n++ {
		wrong := bytes.Clone(file)
		wrong[n] ^= 0x10
		if _, _, err := Check(bytes.NewReader(wrong)); err == nil {
			if text, ok := textOf(wrong); !ok || text != whole { // some bits mean nothing
				t.Errorf("byte %d of %d is another: no error", n, len(file))
			}
		}
	}
}

// What the disk says is no judgement of the backup.
func TestCheckTellsOfTheDisk(t *testing.T) {
	t.Parallel()
	broken := errors.New("input/output error")
	file := made(t, Version)
	from := io.MultiReader(bytes.NewReader(file[:len(file)/2]), iotest.ErrReader(broken))
	if _, _, err := Check(from); !errors.Is(err, broken) || errors.Is(err, ErrDamaged) {
		t.Errorf("error %v", err)
	}
}
