package signature

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"
)

// cryptlex signs as Cryptlex does: the base64 HMAC-SHA256 of the body in Webhook-Signature.
type cryptlex struct{ digests []*digest }

func compileCryptlex(_ map[string]string, secrets []string) (Scheme, error) {
	digests, err := bodyDigests(secrets)
	if err != nil {
		return nil, err
	}
	return &cryptlex{digests}, nil
}

func (s *cryptlex) Sign(h http.Header, m Message) {
	setHeaders(h, [2]string{idHeader, m.ID}, [2]string{timeHeader, stamp(m.Time)}, [2]string{signatureHeader, s.sum(0, h, &m)})
}

func (s *cryptlex) Verify(h http.Header, m Message, _ time.Time) error {
	got := h.Get(signatureHeader)
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

func (s *cryptlex) sum(i int, h http.Header, m *Message) string {
	var sum [sha256.Size]byte
	return base64.StdEncoding.EncodeToString(s.digests[i].appendSum(sum[:0], h, m, ""))
}
