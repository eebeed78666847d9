package cipher_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/scheme/cipher"
)

func anything([]byte) bool { return true }

func key(t *testing.T, options map[string]string, secret string) *cipher.Key {
	t.Helper()
	s, err := cipher.Parse(options)
	if err != nil {
		t.Fatal(err)
	}
	k, err := s.Key(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

type vector struct {
	ID, Secret, Body, Plain string
	Headers, Options        map[string]string
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func (v vector) message() cipher.Message {
	m := cipher.Message{Header: http.Header{}, Body: []byte(v.Body)}
	for name, value := range v.Headers {
		m.Header.Set(name, value)
	}
	return m
}

func TestVectorsOpen(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			plain, err := key(t, v.Options, v.Secret).Open(v.message(), anything)
			if err != nil || string(plain) != v.Plain {
				t.Fatalf("got %q, %v", plain, err)
			}
		})
	}
}

func TestProbeFindsTheSchemeOfEachVector(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		if !json.Valid([]byte(v.Plain)) {
			continue // a probe accepts JSON objects only
		}
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			want, err := cipher.Parse(v.Options)
			if err != nil {
				t.Fatal(err)
			}
			fits := cipher.Probe(v.message(), v.Secret)
			if len(fits) == 0 {
				t.Fatal("no scheme fits")
			}
			if fits[0].String() != want.String() {
				t.Errorf("first fit is %s, want %s", fits[0], want)
			}
		})
	}
}

// each calls use with every combination of axes that Parse accepts.
func each(use func(options map[string]string)) {
	axes := map[string][]string{
		"iv":        {"none", "zero", "prefix16", "prefix12", "key-prefix", "fixed:0123456789abcdef", "header:X-Iv", "json:iv", "after::", "derived"},
		"tag":       {"suffix", "after-iv", "header:X-Tag", "json:meta.tag"},
		"container": {"raw", "json-string", "json:data", "form:payload", "laravel", "salted"},
	}
	for _, c := range []string{"aes-256-cbc", "aes-128-ecb", "aes-256-ctr", "aes-192-gcm"} {
		for _, container := range axes["container"] {
			for _, iv := range append(axes["iv"], "") {
				for _, tag := range axes["tag"] {
					for _, encoding := range cipher.Values("encoding") {
						options := map[string]string{"cipher": c, "key": "sha256", "iv": iv, "container": container, "encoding": encoding}
						if strings.HasSuffix(c, "gcm") {
							options["tag"] = tag
						} else if tag != "suffix" {
							continue
						}
						if container == "salted" {
							options["key"] = "pbkdf2(2)"
						}
						use(options)
					}
				}
			}
		}
	}
}

func TestWhatIsSealedOpensInEveryScheme(t *testing.T) {
	t.Parallel()
	plain := []byte(`{"type":"product.created","n":1}`)
	tried := 0
	each(func(options map[string]string) {
		s, err := cipher.Parse(options)
		if err != nil {
			return
		}
		again, err := cipher.Parse(s.Options())
		if err != nil || again.String() != s.String() {
			t.Fatalf("%s does not read back: %v", s, err)
		}
		k, err := s.Key("a key phrase of any length")
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		m, err := k.Seal(plain)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		got, err := k.Open(m, anything)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%s: %q, %v", s, got, err)
		}
		m.Body = append([]byte("\xef\xbb\xbf"), m.Body...)
		if got, err := k.Open(m, anything); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%s behind a byte order mark: %q, %v", s, got, err)
		}
		tried++
	})
	if tried < 150 {
		t.Errorf("only %d schemes were tried", tried)
	}
}

func TestEveryFailureIsTheSameError(t *testing.T) {
	t.Parallel()
	k := key(t, nil, strings.Repeat("k", 32))
	m, err := k.Seal([]byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	bodies := [][]byte{nil, []byte("%%%"), []byte("YWJj"), m.Body[:len(m.Body)-4], append([]byte("AAAA"), m.Body...)}
	for _, body := range bodies {
		if _, err := k.Open(cipher.Message{Body: body}, anything); !errors.Is(err, cipher.ErrOpen) {
			t.Errorf("%q: %v", body, err)
		}
	}
	if _, err := k.Open(m, func([]byte) bool { return false }); !errors.Is(err, cipher.ErrOpen) {
		t.Errorf("a refused plaintext: %v", err)
	}
}

func TestBadPaddingIsJudgedLikeABadDocument(t *testing.T) {
	t.Parallel()
	k := key(t, map[string]string{"cipher": "aes-256-ecb"}, strings.Repeat("k", 32))
	judged := 0
	// One block that nobody sealed: its padding is wrong but for one time in 256.
	_, err := k.Open(cipher.Message{Body: []byte("AAAAAAAAAAAAAAAAAAAAAA==")}, func([]byte) bool { judged++; return true })
	if judged != 1 || err == nil {
		t.Errorf("judged %d times, %v", judged, err)
	}
}

func TestGCMRefusesAnAlteredByte(t *testing.T) {
	t.Parallel()
	k := key(t, map[string]string{"cipher": "aes-256-gcm", "encoding": "hex"}, strings.Repeat("k", 32))
	m, err := k.Seal([]byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Body {
		altered := bytes.Clone(m.Body)
		if altered[i]++; altered[i] == '9'+1 || altered[i] == 'f'+1 {
			altered[i] = '0'
		}
		if _, err := k.Open(cipher.Message{Body: altered}, anything); err == nil {
			t.Fatalf("byte %d was altered and nobody noticed", i)
		}
	}
}

func TestLaravelRefusesAnotherMAC(t *testing.T) {
	t.Parallel()
	k := key(t, map[string]string{"container": "laravel"}, strings.Repeat("k", 32))
	m, err := k.Seal([]byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := base64.StdEncoding.DecodeString(string(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]string
	if err := json.Unmarshal(envelope, &members); err != nil {
		t.Fatal(err)
	}
	for _, mac := range []string{"", members["mac"][1:], strings.Repeat("0", 64)} {
		members["mac"] = mac
		altered, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		body := []byte(base64.StdEncoding.EncodeToString(altered))
		if _, err := k.Open(cipher.Message{Body: body}, anything); err == nil {
			t.Errorf("opened with the MAC %q", mac)
		}
	}
}

func TestParseNamesTheOption(t *testing.T) {
	t.Parallel()
	cases := []struct {
		options map[string]string
		want    string
	}{
		{map[string]string{"cipher": "des"}, "option cipher"},
		{map[string]string{"key": "rot13"}, "option key"},
		{map[string]string{"key": "pbkdf2(0)"}, "option key"},
		{map[string]string{"key": "evp-md5"}, "option key"},
		{map[string]string{"key": "md5"}, "option key"},
		{map[string]string{"iv": "none"}, "option iv"},
		{map[string]string{"iv": "prefix12"}, "option iv"},
		{map[string]string{"iv": "header"}, "option iv"},
		{map[string]string{"iv": "fixed:short"}, "option iv"},
		{map[string]string{"iv": "json:iv"}, "option iv"},
		{map[string]string{"iv": "derived"}, "option iv"},
		{map[string]string{"container": "form"}, "option container"},
		{map[string]string{"container": "laravel", "iv": "zero"}, "option iv"},
		{map[string]string{"cipher": "aes-256-ecb", "iv": "zero"}, "option iv"},
		{map[string]string{"cipher": "aes-256-gcm", "tag": "prefix"}, "option tag"},
		{map[string]string{"cipher": "aes-256-gcm", "iv": "header:X-Iv", "tag": "after-iv"}, "option tag"},
		{map[string]string{"padding": "random"}, "option padding"},
		{map[string]string{"cipher": "aes-256-gcm", "padding": "zero"}, "option padding"},
		{map[string]string{"container": "laravel", "padding": "zero"}, "option padding"},
		{map[string]string{"iv": "sha256-hex"}, "option iv"},
		{map[string]string{"encoding": "rot13"}, "option encoding"},
		{map[string]string{"colour": "red"}, "option colour"},
	}
	for _, c := range cases {
		if _, err := cipher.Parse(c.options); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v: %v", c.options, err)
		}
	}
}

func TestKeyRefusesASecretOfTheWrongLength(t *testing.T) {
	t.Parallel()
	cases := map[string]string{"raw": "short", "hex": "zz", "base64": "%", "zero-pad": strings.Repeat("x", 33), "truncate": "short"}
	for rule, secret := range cases {
		s, err := cipher.Parse(map[string]string{"key": rule})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Key(secret); err == nil || strings.Contains(err.Error(), secret+" ") {
			t.Errorf("key=%s: %v", rule, err)
		}
		if _, err := s.Key(""); err == nil {
			t.Errorf("key=%s accepts an empty secret", rule)
		}
	}
}

// A nonce that is the same for every message breaks GCM, so it is no configuration.
func TestGCMWantsAFreshNonce(t *testing.T) {
	t.Parallel()
	for _, iv := range []string{"zero", "key-prefix", "fixed:0123456789ab", "fixed:00112233445566778899aabb", "sha256-hex:phrase", "none"} {
		for _, container := range []string{"raw", "json:/data"} {
			_, err := cipher.Parse(map[string]string{"cipher": "aes-128-gcm", "iv": iv, "container": container})
			if err == nil || !strings.HasPrefix(err.Error(), "option iv: ") {
				t.Errorf("%s in %s: %v", iv, container, err)
			}
		}
	}
}

func TestZeroPadding(t *testing.T) {
	t.Parallel()
	k := key(t, map[string]string{"padding": "zero"}, strings.Repeat("k", 32))
	for _, plain := range []string{`{"a":1}`, `{"a":"sixteen."}`, `{"a":"seventeen"}`} {
		m, err := k.Seal([]byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Open(m, anything); err != nil || string(got) != plain {
			t.Errorf("%q: %q, %v", plain, got, err)
		}
		if _, err := key(t, nil, strings.Repeat("k", 32)).Open(m, anything); err == nil {
			t.Errorf("%q was padded otherwise", plain)
		}
	}
}

// Where the IV does not travel with the message, the key can be told from the second block on.
func TestProbeWithoutIVKnowsTheKey(t *testing.T) {
	t.Parallel()
	options := map[string]string{"key": "sha256-hex", "iv": "sha256-hex:second phrase", "encoding": "base64x2"}
	k := key(t, options, "blue kettle")
	m, err := k.Seal([]byte(`{"clientAppKey":"k","type":"product.created"}`))
	if err != nil {
		t.Fatal(err)
	}
	if fits := cipher.Probe(m, "blue kettle"); len(fits) != 0 {
		t.Errorf("%v", fits)
	}
	fits := cipher.ProbeWithoutIV(m, "blue kettle")
	if len(fits) != 1 || fits[0].Options()["key"] != "sha256-hex" || fits[0].Options()["encoding"] != "base64x2" {
		t.Errorf("%v", fits)
	}
	if fits := cipher.ProbeWithoutIV(m, "another phrase"); len(fits) != 0 {
		t.Errorf("%v", fits)
	}
}

func FuzzOpen(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add([]byte(v.Body))
	}
	var keys []*cipher.Key
	each(func(options map[string]string) {
		if s, err := cipher.Parse(options); err == nil {
			if k, err := s.Key("a key phrase of any length"); err == nil {
				keys = append(keys, k)
			}
		}
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		m := cipher.Message{Header: http.Header{"X-Iv": {string(body)}, "X-Tag": {string(body)}}, Body: body}
		for _, k := range keys {
			if _, err := k.Open(m, anything); err != nil && !errors.Is(err, cipher.ErrOpen) {
				t.Fatal(err)
			}
		}
	})
}

func TestProbeLooksBehindAByteOrderMark(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdefABCDEF0123456789"
	for _, container := range []string{"raw", "json-string", "json:/data"} {
		want := map[string]string{"container": container}
		m, err := key(t, want, secret).Seal([]byte(`{"a":1}`))
		if err != nil {
			t.Fatal(err)
		}
		m.Body = append([]byte("\xef\xbb\xbf"), m.Body...)
		if fits := cipher.Probe(m, secret); len(fits) == 0 || fits[0].Options()["container"] != container {
			t.Errorf("%s: %v", container, fits)
		}
	}
}
