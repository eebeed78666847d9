package dispatch

import (
	"slices"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/signature"
)

// A signing is an endpoint's scheme with the secrets that sign before a time.
type signing struct {
	until  time.Time // zero: until the endpoint is edited
	scheme *signature.Scheme
}

// compileSigning makes the schemes of an endpoint in the order of their times: while old secrets
// sign too, and at last without them. So one is used to its moment and no longer, whenever the
// registry's record follows.
func compileSigning(schemes signature.Schemes, ep *endpoint.Endpoint) ([]signing, error) {
	compile := func(secrets []string) (*signature.Scheme, error) {
		return schemes.Compile(ep.Signature, ep.Options, secrets)
	}
	last, err := compile(ep.Secrets)
	if err != nil {
		return nil, err
	}
	old := slices.DeleteFunc(slices.Clone(ep.OldSecrets), func(o endpoint.OldSecret) bool {
		_, err := compile([]string{o.Secret.Open()})
		return err != nil // the signature or its options changed since, and it is no secret of theirs
	})
	slices.SortStableFunc(old, func(a, b endpoint.OldSecret) int { return b.Until.Compare(a.Until) })
	all := []signing{{scheme: last}}
	secrets := slices.Clone(ep.Secrets.Open())
	for _, o := range old { // the one that signs longest first
		secrets = append(secrets, o.Secret.Open())
		scheme, err := compile(slices.Clone(secrets))
		if err != nil {
			return nil, err
		}
		all = append(all, signing{o.Until, scheme})
	}
	slices.Reverse(all)
	return all, nil
}

// schemeAt is the scheme that signs at a time.
func (o *outbound) schemeAt(now time.Time) *signature.Scheme {
	for _, s := range o.signing[:len(o.signing)-1] {
		if now.Before(s.until) {
			return s.scheme
		}
	}
	return o.signing[len(o.signing)-1].scheme
}
