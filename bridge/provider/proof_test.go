package provider_test

import (
	"testing"

	"github.com/hookspan/hookspan/bridge/provider"
)

// A token proves the sender alone, and so does what covers nothing of the delivery.
func TestProofOfAProvider(t *testing.T) {
	t.Parallel()
	c := catalog(t)
	for name, want := range map[string]provider.Proof{
		"sticker": provider.Verified, "stripe": provider.Verified, "twilio": provider.Verified, "hmac": provider.Verified, "livekit": provider.Verified,
		"adyen": provider.Authenticated, "aws-sns": provider.Authenticated, "mailgun": provider.Authenticated, // values of the body are signed
		"paypal":      provider.Authenticated, // and a checksum of it
		"cloudevents": provider.Authenticated, "telegram": provider.Authenticated,
		"sticky": provider.Authenticated, // by default a cipher that proves nothing
		"gitlab": provider.Verified,      // where the secret is one to sign with
		"monday": provider.Authenticated, // what it signs is the URL
	} {
		if p, ok := c.Provider(name); !ok || p.Proof != want {
			t.Errorf("%s: %q, want %q", name, p.Proof, want)
		}
	}
}

func TestProofDependsOnTheOptions(t *testing.T) {
	t.Parallel()
	p, _ := catalog(t).Provider("sticky")
	v, err := p.Compile(provider.Config{Source: "shop", Secrets: []string{invented}, Options: map[string]string{"cipher": "aes-256-gcm", "iv": "prefix12", "tag": "suffix", "key": "sha256"}})
	if err != nil {
		t.Fatal(err)
	}
	if v.Proof() != provider.Verified {
		t.Errorf("an authenticated cipher: %s", v.Proof())
	}
}
