package vector_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/vector"
)

const (
	secret = "an invented shared secret"
	body   = `{"id":"7","type":"order.paid"}`
	sent   = "1777888800"
)

var received = time.Unix(1777888800, 0).UTC()

// read reads the text of the provider own.
func read(t testing.TB, text string) *provider.Provider {
	t.Helper()
	c, err := provider.Load("")
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Read("own.yaml", []byte("name: own\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const signed = "verify: [{hmac: {header: X-Own, content: \"{header:X-Own-Time}.{body}\"}}]\n" +
	"freshness: {time: \"header:X-Own-Time\"}\nevent: {prefix: com.own, id: /id, type: /type}\n"

// own is a file with one vector of the provider own that holds.
func own() *vector.File {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(sent + "." + body))
	sum := hex.EncodeToString(h.Sum(nil))
	return &vector.File{Provider: "own", Tolerance: "5m", Vectors: []vector.Vector{{
		ID: "paid", Headers: map[string]string{"X-Own": sum, "X-Own-Time": sent}, Body: body, Secrets: []string{secret},
		Expected: sum, Tolerance: "5m", Received: received,
		Want: vector.Want{ID: "7", Type: "com.own.order.paid", Source: "/sources/shop"},
	}}}
}

func TestAVectorThatHolds(t *testing.T) {
	t.Parallel()
	f := own()
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if f, err = vector.Parse(text); err != nil {
		t.Fatal(err)
	}
	got := f.Check(read(t, signed), f.Vectors[0])
	if len(got.Faults) > 0 || got.ID != "paid" || len(got.NotTried) > 0 || got.Refusals != 75 { // 2 of the body, 1 of the secret, 70 of the signature, 2 of the time
		t.Errorf("%+v", got)
	}
}

// What a vector says is compared, and what must be refused is noticed when it is not.
func TestAVectorThatDoesNotHold(t *testing.T) {
	t.Parallel()
	text, subject := "other", "s"
	for name, c := range map[string]struct {
		provider string
		change   func(f *vector.File, v *vector.Vector)
		want     string
	}{
		"another signature":        {signed, func(_ *vector.File, v *vector.Vector) { v.Headers["X-Own"] = "00" }, "refused: bad_signature"},
		"another id":               {signed, func(_ *vector.File, v *vector.Vector) { v.Want.ID = "8" }, `id is "7", want "8"`},
		"another type":             {signed, func(_ *vector.File, v *vector.Vector) { v.Want.Type = "x" }, "type is"},
		"another subject":          {signed, func(_ *vector.File, v *vector.Vector) { v.Want.Subject = &subject }, "subject is"},
		"another time":             {signed, func(_ *vector.File, v *vector.Vector) { v.Want.Time = received.Add(time.Hour) }, "time is"},
		"other data":               {signed, func(_ *vector.File, v *vector.Vector) { v.Want.Data = &text }, "data is"},
		"other extensions":         {signed, func(_ *vector.File, v *vector.Vector) { v.Want.Extensions = map[string]string{"a": "b"} }, "extensions are"},
		"invalid":                  {signed, func(_ *vector.File, v *vector.Vector) { v.Want.Invalid = true }, "invalid is"},
		"events":                   {signed, func(_ *vector.File, v *vector.Vector) { v.Want.Events = 2 }, "there are 1 events, want 2"},
		"a handshake":              {signed, func(_ *vector.File, v *vector.Vector) { v.Want.Answer = &vector.Answer{Status: 200} }, "it is no handshake"},
		"the answer":               {signed, func(f *vector.File, _ *vector.Vector) { f.Answer = "ok" }, "success is answered"},
		"its status":               {signed, func(f *vector.File, _ *vector.Vector) { f.Success = 204 }, "want 204"},
		"the largest body":         {signed, func(f *vector.File, _ *vector.Vector) { f.MaxBody = 5 }, "want 5"},
		"no tolerance":             {signed, func(_ *vector.File, v *vector.Vector) { v.Tolerance = "" }, "10 years matter"},
		"another tolerance":        {signed, func(_ *vector.File, v *vector.Vector) { v.Tolerance = "10s" }, "a stale time: accepted"},
		"a signature that is not":  {signed, func(_ *vector.File, v *vector.Vector) { v.Expected = "ff00ff" }, "no header holds the expected signature"},
		"a secret of another form": {signed, func(_ *vector.File, v *vector.Vector) { v.Options = map[string]string{"a": "b"} }, "its source cannot be compiled"},
		"a body that is not signed": {"verify: [{token: {in: \"header:X-Own\"}}]\nevent: {prefix: com.own, id: /id, type: /type}\n", func(_ *vector.File, v *vector.Vector) {
			v.Headers["X-Own"], v.Expected, v.Tolerance = secret, secret, ""
		}, "a flipped byte in the body: accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := own()
			c.change(f, &f.Vectors[0])
			got := strings.Join(f.Check(read(t, c.provider), f.Vectors[0]).Faults, "\n")
			if !strings.Contains(got, c.want) || strings.Contains(got, secret) {
				t.Errorf("%q is not in %q", c.want, got)
			}
		})
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	const good = `{"id":"a","secrets":["s"],"received":"2026-05-04T10:00:00Z","want":{}}`
	for text, want := range map[string]string{
		``:                                  "no file of vectors",
		`[]`:                                "no file of vectors",
		`{"provider":"own","vektors":[]}`:   "vektors",
		`{"vectors":[` + good + `]}`:        "provider:",
		`{"provider":"own"}`:                "vectors: there is none",
		`{"provider":"own","vectors":[{}]}`: "vectors[0]: id",
		`{"provider":"own","vectors":[{"id":"a"}]}`:                   "vectors[0]: secrets",
		`{"provider":"own","vectors":[{"id":"a","secrets":["s"]}]}`:   "vectors[0]: received",
		`{"provider":"own","vectors":[` + good + `,` + good + `]}`:    `vectors[1]: id: "a" is there twice`,
		`{"provider":"own","vectors":[` + good + `]} {}`:              "behind the object",
		`{"provider":"own","tolerance":"x","vectors":[` + good + `]}`: "tolerance",
	} {
		if _, err := vector.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := vector.Parse([]byte(`{"provider":"own","vectors":[` + good + `]}`)); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	text, err := json.Marshal(own())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	p := read(f, signed)
	f.Fuzz(func(t *testing.T, text []byte) {
		if f, err := vector.Parse(text); err == nil && len(f.Vectors[0].Headers) < 10 && len(f.Vectors[0].Expected) < 200 {
			f.Check(p, f.Vectors[0])
		}
	})
}
