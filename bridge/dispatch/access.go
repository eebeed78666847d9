package dispatch

import (
	"encoding/base64"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// authorization is the header that logs requests in; none where there is nothing to log in with, or
// a token has to be got first.
func authorization(a *endpoint.Auth) []fixed {
	const name = "Authorization"
	switch {
	case a.Basic != nil:
		login := a.Basic.Username.Open() + ":" + a.Basic.Password.Open()
		return []fixed{{name, []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(login))}}}
	case a.Bearer != "":
		return []fixed{{name, []string{"Bearer " + a.Bearer.Open()}}}
	}
	return nil
}

// accessOf is what else a sender needs to be let in; nil where it is nothing.
func accessOf(ep *endpoint.Endpoint) (*delivery.Access, error) {
	var a delivery.Access
	if o := ep.Auth.OAuth2; o != nil {
		a.Grant = delivery.NewGrant(o.TokenURL.Open(), o.ClientID.Open(), o.ClientSecret.Open(), o.Scopes)
	}
	if t := ep.TLS; !t.IsZero() {
		certificate, err := t.Certificate()
		if err != nil {
			return nil, err
		}
		a.TLS = delivery.NewTLS(t.CA.Open(), certificate, t.Key.Open(), t.ServerName.Open())
	}
	if a == (delivery.Access{}) {
		return nil, nil
	}
	return &a, nil
}
