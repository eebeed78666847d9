package vector_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider/vector"
)

const event = "\nevent: {prefix: com.own, id: /id, type: /type}\n"

// placed is a file with one vector of a token, without expected.
func placed(at, text string) *vector.File {
	return &vector.File{Provider: "own", UnsignedBody: true, Vectors: []vector.Vector{{
		ID: "paid", URL: at, Body: text, Secrets: []string{secret}, Received: received, Want: vector.Want{ID: "7", Type: "com.own.order.paid"},
	}}}
}

const (
	inBody = `{"id":"7","type":"order.paid","token":"` + secret + `"}`
	where  = "https://hooks.example.com/webhooks/shop"
)

var inURL = where + "?a=1&token=" + url.QueryEscape(secret)

// A signature is altered wherever it stands, and the request is always tried without it.
func TestAProofInTheBodyOrTheURL(t *testing.T) {
	t.Parallel()
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(body))
	sum := hex.EncodeToString(h.Sum(nil))
	for name, c := range map[string]struct {
		verify, url, body, expected string
		refusals                    int // each with one of another secret
		notTried                    string
	}{
		"a token in the body": {`[{token: {in: /token}}]`, where, inBody, secret, 1 + len(secret) + 5, "the body: unsigned_body, a stale"},
		"a token in the URL":  {`[{token: {in: "query:token"}}]`, inURL, body, url.QueryEscape(secret), 1 + len(secret) + 6, "the body: unsigned_body, a stale"},
		"a signature in the URL": {`[{hmac: {in: "query:sig"}}]`, where + "?sig=" + sum, body, sum,
			1 + 64 + 5, "the body: unsigned_body, a stale"},
		"unnamed, in the body": {`[{token: {in: /token}}]`, where, inBody, "", 2,
			"the body: unsigned_body, the signature: the vector's expected does not name it, the body without its proof, a stale"},
		"unnamed, in the URL": {`[{token: {in: "query:token"}}]`, inURL, body, "", 2, "the body: unsigned_body, the signature: the vector's expected does not name it, a stale"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := placed(c.url, c.body)
			f.Vectors[0].Expected = c.expected
			got := f.Check(read(t, "verify: "+c.verify+event), f.Vectors[0])
			if len(got.Faults) > 0 || got.Refusals != c.refusals {
				t.Errorf("%d refusals, want %d: %q", got.Refusals, c.refusals, got.Faults)
			}
			said := strings.Split(c.notTried, ", ")
			if len(said) != len(got.NotTried) {
				t.Fatalf("not tried: %q, want %q", got.NotTried, said)
			}
			for i, want := range said {
				if !strings.HasPrefix(got.NotTried[i], want) {
					t.Errorf("not tried: %q, want %q", got.NotTried[i], want)
				}
			}
		})
	}
}

// A file that lets a request in without its proof does not hold, wherever the proof stands.
func TestAProofThatCanBeLeftOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verify, url, body, expected, want string
	}{
		"a step that a member of the body asks for": {`[{token: {in: /token}, when: /type}, {token: {in: /id}}]`, where, inBody, secret,
			"no signature, and no member type of the body: accepted"},
		"a step that a parameter asks for": {`[{token: {in: /token}, when: "query:a"}, {token: {in: /id}}]`, where + "?a=1&b=2", inBody, secret,
			"no signature, and no parameter a: accepted"},
		"a step that the query asks for, unnamed": {`[{token: {in: "query:token"}, when: "query:a"}, {token: {in: "header:Content-Type"}}]`, inURL, body, "",
			"nothing signed at all: accepted"},
		"a token that is not checked": {`[{token: {in: /id}}]`, where, inBody, secret, "a flipped character in the signature: accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := placed(c.url, c.body)
			v := &f.Vectors[0]
			v.Expected, v.Secrets = c.expected, append(v.Secrets, "7") // which proves next to nothing
			v.Headers = map[string]string{"Content-Type": "7"}
			got := f.Check(read(t, "verify: "+c.verify+event), *v)
			if all := strings.Join(got.Faults, "\n"); !strings.Contains(all, c.want) || strings.Contains(all, secret) {
				t.Errorf("%q is not in %q", c.want, all)
			}
		})
	}
}

// What cannot be altered, or must not be, is named with the reason.
func TestWhatIsNotTriedIsSaid(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(f *vector.File, v *vector.Vector){
		"the body: malleable": func(_ *vector.File, v *vector.Vector) { v.Malleable = true },
		"the body: there is none": func(_ *vector.File, v *vector.Vector) {
			h := hmac.New(sha256.New, []byte(secret))
			h.Write([]byte(sent + "."))
			v.Expected = hex.EncodeToString(h.Sum(nil))
			v.Body, v.Headers["X-Own"] = "", v.Expected
			v.Want = vector.Want{Invalid: true}
		},
		"all: a handshake by GET": func(_ *vector.File, v *vector.Vector) {
			v.Method, v.Want = "GET", vector.Want{Answer: &vector.Answer{Status: 200, Body: "paid"}}
			v.URL = where + "?ask=paid"
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			f := own()
			change(f, &f.Vectors[0])
			got := f.Check(read(t, signed+"challenges: [{method: GET, open: true, when: [\"query:ask\"], text: \"query:ask\"}]\n"), f.Vectors[0])
			if len(got.Faults) > 0 || len(got.NotTried) != 1 || !strings.HasPrefix(got.NotTried[0], want) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// The vectors of the catalogue name their proof, so that it is altered, but where the body as a whole is it.
func TestTheCataloguesVectorsNameTheirProof(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := vector.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, v := range f.Vectors {
			if v.Expected == "" && v.Want.Answer == nil && f.Provider != "sticky" {
				t.Errorf("%s/%s names none", f.Provider, v.ID)
			}
		}
	}
}
