package signature

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"time"
)

// asymmetric is the v1a signature of Standard Webhooks: Ed25519 over id, timestamp and body.
type asymmetric struct{ keys []ed25519.PrivateKey }

func compileEd25519(_ map[string]string, secrets []string) (Scheme, error) {
	s := &asymmetric{}
	for i, secret := range secrets {
		key, err := ed25519Key(secretField(i), secret)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, key)
	}
	return s, nil
}

func (s *asymmetric) Sign(h http.Header, m Message) {
	at := stamp(m.Time)
	content := standardText(&m, at)
	var list []byte
	for i, key := range s.keys {
		if i > 0 {
			list = append(list, ' ')
		}
		list = append(list, "v1a,"...)
		list = base64.StdEncoding.AppendEncode(list, ed25519.Sign(key, content))
	}
	setHeaders(h, [2]string{idHeader, m.ID}, [2]string{timeHeader, at}, [2]string{signatureHeader, string(list)})
}

func (s *asymmetric) Verify(h http.Header, m Message, now time.Time) error {
	return verifyStandard(h, m, now, "v1a,", func(signature []byte, m *Message, at string) bool {
		content := standardText(m, at)
		for _, key := range s.keys {
			if ed25519.Verify(key.Public().(ed25519.PublicKey), content, signature) {
				return true
			}
		}
		return false
	})
}

// standardText is the signed content in one piece, as Ed25519 needs it.
func standardText(m *Message, at string) []byte {
	text := make([]byte, 0, len(m.ID)+len(at)+len(m.Body)+2)
	text = append(append(text, m.ID...), '.')
	text = append(append(text, at...), '.')
	return append(text, m.Body...)
}
