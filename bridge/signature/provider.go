package signature

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// ofProvider stands before the name of a provider as which an endpoint signs.
const ofProvider = "provider:"

// provider makes the scheme of a provider.
func (s Schemes) provider(name string, options map[string]string, secrets []string) (*Scheme, error) {
	if s.Providers == nil {
		return nil, fieldErrorf("signature", "there are no providers here to sign as")
	}
	p, ok := s.Providers.Provider(name)
	if !ok {
		return nil, fieldErrorf("signature", "%.40q is no provider; hookspan provider list names all", name)
	}
	own := map[string]string{}
	for _, o := range p.Options {
		if value, set := options[o.Name]; set {
			own[o.Name] = value
		}
	}
	signer, err := p.Signer(own, secrets)
	if err != nil {
		return nil, providerFault(err)
	}
	made := &Scheme{signer: signer}
	if cipher, key := signer.Encryption(); key != nil {
		if options["encrypt"] != "" {
			return nil, fieldErrorf("options.encrypt", "is of no use here: %s encrypts by itself, with the secret", name)
		}
		made.encryption = &Encryption{key: key, contentType: sealedType(cipher.Options()["container"])}
	}
	return made, nil
}

// providerFault says which field of the endpoint a provider complains of.
func providerFault(err error) error {
	if secret, ok := errors.AsType[*key.SecretError](err); ok {
		return fieldErrorf(fmt.Sprintf("secrets[%d]", secret.Index), "%s", secret.Err)
	}
	if o, ok := errors.AsType[*provider.OptionError](err); ok {
		return fieldErrorf("options."+o.Name, "%s", strings.TrimLeft(o.Detail, ": "))
	}
	if errors.Is(err, provider.ErrNoSecret) {
		return fieldErrorf("secrets", "%s", err)
	}
	return fieldErrorf("signature", "%s", err)
}

// Options lists the options that a scheme takes; ok is false for one that does not exist.
func (s Schemes) Options(name string) (options []string, ok bool) {
	of, isProvider := strings.CutPrefix(name, ofProvider)
	if !isProvider {
		return Options(name), files()[name] != nil
	}
	if s.Providers == nil {
		return nil, false
	}
	p, ok := s.Providers.Provider(of)
	if !ok {
		return nil, false
	}
	for _, o := range p.Options {
		options = append(options, o.Name)
	}
	return options, true
}

// OfProvider reports whether a signature is a provider's.
func OfProvider(name string) bool { return strings.HasPrefix(name, ofProvider) }
