package provider_test

import (
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

func BenchmarkVerify(b *testing.B) {
	filler := strings.Repeat("word and number 123 ", 40)
	bodies := map[string]string{
		"sticker": `{"event":"order.shipped","timestamp":"2024-12-11T15:30:00Z","data":{"order_id":"550e8400-e29b-41d4-a716-446655440000","note":"` + filler + `"}}`,
		"github":  `{"ref":"refs/heads/main","repository":{"url":"https://example.com/octo/x"},"note":"` + filler + `"}`,
		"stripe":  `{"id":"evt_1","object":"event","created":1772366400,"type":"customer.created","data":{"object":{"id":"cus_1","note":"` + filler + `"}}}`,
		"sticky":  `{"type":"product.created","time":"2026-03-01 07:00:00","data":{"id":"a","object":{"id":4,"note":"` + filler + `"}}}`,
	}
	for _, name := range []string{"sticker", "github", "stripe", "sticky"} {
		b.Run(name, func(b *testing.B) {
			v := compile(b, name, provider.Config{})
			r := sample(b, name, bodies[name], nil)
			b.SetBytes(int64(len(r.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := provider.Load(""); err != nil {
			b.Fatal(err)
		}
	}
}
