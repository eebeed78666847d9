package signature_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/signature"
)

func BenchmarkSign(b *testing.B) {
	for _, name := range signature.Names() {
		b.Run(name, func(b *testing.B) {
			s, err := signature.Compile(name, nil, []string{signature.GenerateSecret(name)})
			if err != nil {
				b.Fatal(err)
			}
			m := signature.Message{ID: signature.MessageID("/s", "1"), Time: time.Now(), Type: "a.b", Body: make([]byte, 1024)}
			h := make(http.Header, 8)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Sign(h, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMessageID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		signature.MessageID("/sources/shop", "3f1d1a52-5d0e-4d1b-9a55-0d2a5b2f6a10")
	}
}
