package endpoint_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

func TestSealedTextsOpenForTheirEndpointOnly(t *testing.T) {
	t.Parallel()
	s := sealer(t, 1)
	sealed, err := s.Seal("ep_a", []byte("canary"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed.Data, []byte("canary")) {
		t.Error("what is sealed can be read")
	}
	if plain, err := s.Open("ep_a", sealed); err != nil || string(plain) != "canary" {
		t.Errorf("opened: %q, %v", plain, err)
	}
	if _, err := s.Open("ep_b", sealed); !errors.Is(err, endpoint.ErrSealed) {
		t.Errorf("under another endpoint's id: %v", err)
	}
	for i := range sealed.Data {
		flipped := endpoint.Sealed{Key: sealed.Key, Data: bytes.Clone(sealed.Data)}
		flipped.Data[i] ^= 1
		if _, err := s.Open("ep_a", flipped); !errors.Is(err, endpoint.ErrSealed) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	if _, err := s.Open("ep_a", endpoint.Sealed{Key: sealed.Key}); !errors.Is(err, endpoint.ErrSealed) {
		t.Errorf("nothing: %v", err)
	}
	again, err := s.Seal("ep_a", []byte("canary"))
	if err != nil || bytes.Equal(again.Data, sealed.Data) {
		t.Errorf("sealed twice alike, %v", err)
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	old := sealer(t, 1)
	sealed, err := old.Seal("ep_a", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	both := sealer(t, 2, 1)
	if _, err := both.Open("ep_a", sealed); err != nil {
		t.Errorf("with the old key behind the new one: %v", err)
	}
	if both.Newest() == old.Newest() {
		t.Error("the old key still seals")
	}
	_, err = sealer(t, 2).Open("ep_a", sealed)
	if !errors.Is(err, endpoint.ErrSealed) || !strings.Contains(err.Error(), old.Newest()) {
		t.Errorf("without the old key: %v", err)
	}
}

func TestParseSealer(t *testing.T) {
	t.Parallel()
	key := func(fill byte) string {
		return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, endpoint.KeyBytes))
	}
	s, err := endpoint.ParseSealer(key(2) + "\n" + key(1) + ", " + key(3))
	if err != nil || s.Newest() != sealer(t, 2).Newest() {
		t.Errorf("newest %q, %v", s.Newest(), err)
	}
	if s, err := endpoint.ParseSealer(""); err != nil || s.Newest() != "" {
		t.Errorf("no key: %v", err)
	}
	for _, text := range []string{"not-base64", "c2hvcnQ=", key(1) + " c2hvcnQ="} {
		_, err := endpoint.ParseSealer(text)
		if err == nil || strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
