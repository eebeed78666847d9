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
	return append(warnings, doubtful(e, signature.Schemes{Providers: &a.catalog})...)
}

// doubtful is what of an endpoint's settings works, and is worth a word.
func doubtful(e *endpoint.Endpoint, schemes signature.Schemes) []string {
	warnings := append(guessable(e), takenApart(e, schemes)...)
	if e.Proxy.Clear() {
		warnings = append(warnings, "proxy: its login goes in clear beyond this machine; use https://")
	}
	return warnings
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

// takenApart tells of several key phrases, where one encrypts: they may be the words of one.
func takenApart(e *endpoint.Endpoint, schemes signature.Schemes) []string {
	if len(e.Secrets) < 2 || !signature.OfProvider(e.Signature) {
		return nil
	}
	scheme, err := schemes.Compile(e.Signature, e.Options, e.Secrets)
	if err != nil || scheme.Encryption() == nil {
		return nil
	}
	return []string{fmt.Sprintf("secrets: %d key phrases, of which the first alone encrypts; spaces separate secrets, so one phrase of several words is an item of a list, or a line of the variable's _FILE twin", len(e.Secrets))}
}
