package dispatch

import (
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/dispatch/dispatchtest"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/signature"
)

// Both secrets of a rotation sign, each until its moment, by one compilation.
func TestOldSecretsSignUntilTheirTime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, scheme := range []string{"standard", "standard-ed25519"} {
		a, b, c := signature.GenerateSecret(scheme), signature.GenerateSecret(scheme), signature.GenerateSecret(scheme)
		ep := endpoint.Default()
		ep.Name, ep.URL, ep.Signature, ep.Secrets = "crm", "https://crm.example/", scheme, []string{a}
		ep.Rotate(b, now, time.Hour)
		ep.Rotate(c, now, 2*time.Hour)
		ep.OldSecrets = append(ep.OldSecrets, endpoint.OldSecret{Secret: "of a signature that was", Until: now.Add(9 * time.Hour)})
		out := (&Dispatcher{}).outbound(ep)
		for after, signs := range map[time.Duration][3]bool{
			0: {true, true, true}, time.Hour - 1: {true, true, true}, time.Hour: {false, true, true}, 2*time.Hour - 1: {false, true, true},
			2 * time.Hour: {false, false, true}, 99 * time.Hour: {false, false, true},
		} {
			e := dispatchtest.Event(1, "a")
			at := now.Add(after)
			req, err := out.request([]*pendingDelivery{{Entry: &delivery.Entry{}, event: &e}}, at)
			if err != nil {
				t.Fatal(err)
			}
			for i, secret := range []string{a, b, c} {
				s, err := signature.Compile(scheme, nil, []string{secret})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Verify(req.Header, signature.Message{Method: "POST", URL: req.URL, Body: req.Body}, at); (err == nil) != signs[i] {
					t.Errorf("%s, after %s, secret %d: %v", scheme, after, i+1, err)
				}
			}
			release(&req)
		}
	}
}
