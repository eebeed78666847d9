package signature

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

// sticker signs as Sticker does: `sha256=` and the hex HMAC-SHA256 of the body, with event,
// delivery id and timestamp in headers that share a prefix. The timestamp is not signed.
type sticker struct {
	signature, event, delivery, timestamp string // header names
	digests                               []*digest
}

func compileSticker(options map[string]string, secrets []string) (Scheme, error) {
	prefix := options["header_prefix"]
	if prefix == "" {
		prefix = "X-Webhook"
	}
	prefix = strings.TrimSuffix(prefix, "-")
	if !validHeaderName(prefix) {
		return nil, fieldErrorf("options.header_prefix", "%.40q is no header name, use one such as X-Acme", options["header_prefix"])
	}
	digests, err := bodyDigests(secrets)
	if err != nil {
		return nil, err
	}
	return &sticker{
		signature: http.CanonicalHeaderKey(prefix + "-Signature"),
		event:     http.CanonicalHeaderKey(prefix + "-Event"),
		delivery:  http.CanonicalHeaderKey(prefix + "-Delivery-Id"),
		timestamp: http.CanonicalHeaderKey(prefix + "-Timestamp"),
		digests:   digests,
	}, nil
}

// bodyDigests prepares HMAC-SHA256 of the body with each secret's bytes.
func bodyDigests(secrets []string) ([]*digest, error) {
	digests := make([]*digest, len(secrets))
	for i, secret := range secrets {
		key, err := textKey(secretField(i), "utf8", secret)
		if err != nil {
			return nil, err
		}
		digests[i] = newHMAC(sha256.New, key, template{{value: "body"}})
	}
	return digests, nil
}

func (s *sticker) Sign(h http.Header, m Message) {
	at := stamp(m.Time)
	setHeaders(h,
		[2]string{idHeader, m.ID}, [2]string{timeHeader, at},
		[2]string{s.signature, s.sum(0, h, &m)}, [2]string{s.event, fieldValue(m.Type)},
		[2]string{s.delivery, m.Delivery}, [2]string{s.timestamp, at})
}

func (s *sticker) Verify(h http.Header, m Message, _ time.Time) error {
	got := h.Get(s.signature)
	if got == "" {
		return ErrUnsigned
	}
	err := ErrMismatch
	for i := range s.digests {
		if equal([]byte(got), []byte(s.sum(i, h, &m))) {
			err = nil
		}
	}
	return err
}

func (s *sticker) sum(i int, h http.Header, m *Message) string {
	var sum [sha256.Size]byte
	var space [7 + 2*sha256.Size]byte
	text := append(space[:0], "sha256="...)
	return string(hex.AppendEncode(text, s.digests[i].appendSum(sum[:0], h, m, "")))
}

// fieldValue drops control characters, which no header can hold.
func fieldValue(v string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, v)
}
