package app

import (
	"fmt"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/signature"
)

// warnings are what the API says about an endpoint as it is.
func (a *App) warnings(e *endpoint.Endpoint) []string {
	_, warnings := a.unfollowed(e)
	if e.Locked() {
		warnings = append(warnings, "sealed with a key that this process lacks: what is sealed of it cannot be changed here, and the process cannot start anew; hookspan keys says which key that is")
	}
	return append(warnings, guessable(e)...)
}

// guessable names the secrets of an endpoint that are short enough to be guessed. Those of our own
// signatures cannot be; a provider's are whatever it takes, and so is a key phrase.
func guessable(e *endpoint.Endpoint) (warnings []string) {
	look := func(field, secret string) {
		if n := len(secret); n > 0 && n < signature.MinKey {
			warnings = append(warnings, fmt.Sprintf("%s: only %d bytes long, which can be guessed; agree with the receiver on one of %d or more", field, n, signature.MinKey))
		}
	}
	for i, secret := range e.Secrets {
		look(fmt.Sprintf("secrets[%d]", i), secret)
	}
	look("encrypt_secret", e.EncryptSecret.Open())
	return warnings
}
