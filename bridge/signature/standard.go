package signature

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// standard is the v1 signature of Standard Webhooks: HMAC-SHA256 over id, timestamp and
// body, one signature for each secret.
type standard struct{ digests []*digest }

// standardContent is what both versions of Standard Webhooks sign.
func standardContent() template {
	return template{{value: "id"}, {literal: "."}, {value: "timestamp"}, {literal: "."}, {value: "body"}}
}

func compileStandard(_ map[string]string, secrets []string) (Scheme, error) {
	s := &standard{}
	for i, secret := range secrets {
		key, err := standardKey(secretField(i), secret)
		if err != nil {
			return nil, err
		}
		s.digests = append(s.digests, newHMAC(sha256.New, key, standardContent()))
	}
	return s, nil
}

func (s *standard) Sign(h http.Header, m Message) {
	at := stamp(m.Time)
	var sum [sha256.Size]byte
	var space [128]byte
	list := space[:0]
	for i, d := range s.digests {
		if i > 0 {
			list = append(list, ' ')
		}
		list = append(list, "v1,"...)
		list = base64.StdEncoding.AppendEncode(list, d.appendSum(sum[:0], h, &m, at))
	}
	setHeaders(h, [2]string{idHeader, m.ID}, [2]string{timeHeader, at}, [2]string{signatureHeader, string(list)})
}

func (s *standard) Verify(h http.Header, m Message, now time.Time) error {
	return verifyStandard(h, m, now, "v1,", func(signature []byte, m *Message, at string) (ok bool) {
		for _, d := range s.digests {
			ok = equal(signature, d.appendSum(nil, h, m, at)) || ok
		}
		return ok
	})
}

// verifyStandard goes through the list of signatures; those of other versions are skipped.
func verifyStandard(h http.Header, m Message, now time.Time, version string, try func(signature []byte, m *Message, at string) bool) error {
	at, fresh := received(h, &m, now)
	list := h.Get(signatureHeader)
	if m.ID == "" || at == "" || list == "" {
		return ErrUnsigned
	}
	matched := false
	for _, entry := range strings.Fields(list) {
		text, ok := strings.CutPrefix(entry, version)
		signature, err := base64.StdEncoding.DecodeString(text)
		matched = matched || ok && err == nil && try(signature, &m, at)
	}
	switch {
	case !matched:
		return ErrMismatch
	case !fresh:
		return ErrStale
	}
	return nil
}
