package signature_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/signature"
)

// Known answers: Standard Webhooks and the vendors' published examples, and two of our own.
func TestKnownAnswers(t *testing.T) {
	t.Parallel()
	standard := signature.Message{
		ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Time: time.Unix(1614265330, 0),
		Body: []byte(`{"test": 2432232314}`),
	}
	known := map[string]bool{}
	for _, c := range []struct {
		name, scheme, secret string
		options              map[string]string
		message              signature.Message
		headers              map[string]string // those that the caller set before
		header, want         string
	}{
		{
			name: "Standard Webhooks v1", scheme: "standard", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
			message: standard, header: "webhook-signature", want: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		},
		{
			name: "Standard Webhooks v1a", scheme: "standard-ed25519",
			secret:  "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
			message: standard, header: "webhook-signature",
			want: "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
		},
		{
			name: "Sticker", scheme: "sticker", secret: "sticker_invented_secret",
			options: map[string]string{"header_prefix": "X-Sticker"},
			message: signature.Message{Body: []byte(`{"event":"order.shipped","timestamp":"2024-12-11T15:30:00Z","data":{"order_id":"550e8400-e29b-41d4-a716-446655440000","partner_org_id":"acme_sf_001","status":"shipped","tracking_number":"1Z999AA10123456784","carrier":"ups"}}`)},
			header:  "X-Sticker-Signature",
			want:    "sha256=ff9ae02ca692c438e91dd3b3818daf4cc86099263f7ab87aeb309324ad87e1cc",
		},
		{
			name: "Cryptlex", scheme: "cryptlex", secret: "cryptlex_invented_token",
			message: signature.Message{Body: []byte(`{"event":"license.created","data":{"key":"D08B53-C564F8-463EA5-F16A15-E35D6E-D2559B"},"triggeredAt":"2018-04-20T13:11:34.6926949Z"}`)},
			header:  "Webhook-Signature", want: "1XUg3H/fekxghjHo8pz5gnSbEhM4B5AmZrEakbdJOHM=",
		},
		{
			name: "Slack, by the generic scheme", scheme: "hmac", secret: "8f742231b10e8888abcd99yyyzzz85a5",
			options: map[string]string{"header": "X-Slack-Signature", "prefix": "v0=", "template": "v0:{timestamp}:{body}"},
			message: signature.Message{
				Time: time.Unix(1531420618, 0),
				Body: []byte("token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"),
			},
			header: "X-Slack-Signature", want: "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
		},
		{
			name: "HubSpot v3, by the generic scheme", scheme: "hmac", secret: "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",
			options: map[string]string{"header": "X-HubSpot-Signature-v3", "encoding": "base64", "template": "{method}{url}{body}{header:X-HubSpot-Request-Timestamp}"},
			message: signature.Message{Method: http.MethodPost, URL: "https://www.example.com/webhook_uri", Body: []byte("{'example_field':'example_value'}")},
			headers: map[string]string{"X-HubSpot-Request-Timestamp": "1693657560000"},
			header:  "X-HubSpot-Signature-v3", want: "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y=",
		},
		{
			name: "a plain hash with the secret around the body", scheme: "hmac", secret: "paycore_invented_secret",
			options: map[string]string{"header": "X-Signature", "hash": "sha1", "encoding": "base64", "template": "{secret}{body}{secret}"},
			message: signature.Message{Body: []byte(`{"data":{"type":"payment-invoices","id":"cpi_UoIW6RdSYyIRj8vR","attributes":{"status":"process_pending","resolution":"ok","amount":4,"currency":"UAH","created":1560889898,"updated":1560889898}}}`)},
			header:  "X-Signature", want: "E3mphE3TWb2TDaqWxSO5RmOL29Y=",
		},
	} {
		known[c.scheme] = true
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := signature.Compile(c.scheme, c.options, []string{c.secret})
			if err != nil {
				t.Fatal(err)
			}
			h := http.Header{}
			for name, value := range c.headers {
				h.Set(name, value)
			}
			sign(t, s, h, c.message)
			if got := h.Get(c.header); got != c.want {
				t.Errorf("%s is %q, want %q", c.header, got, c.want)
			}
		})
	}
	for _, name := range signing() {
		if !known[name] {
			t.Errorf("%s has no known answer here: give one of those who verify it", name)
		}
	}
}

func TestPublicKey(t *testing.T) {
	t.Parallel()
	if key, err := signature.PublicKey("standard", signature.GenerateSecret("standard")); key != "" || err != nil {
		t.Errorf("a shared secret has the public key %q, %v", key, err)
	}
	got, err := signature.PublicKey("standard-ed25519", "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==")
	if want := "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
