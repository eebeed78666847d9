package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/header"
)

const (
	maxToken  = 8 << 10              // of a token, which goes into a header
	tokenYear = 366 * 24 * time.Hour // is more than any token lives
)

// A granting is how a grant gives tokens.
type granting struct {
	route *route
	grant *delivery.Grant
}

// place is one for the connection that fetch makes, nil where the URL cannot be read, of which fetch
// tells. Attempts wait for it, and go on waiting should they be made again.
func (g *granting) place(ctx context.Context) (pl *place, err error) {
	to, err := parseTarget(g.grant.TokenURL)
	if err != nil {
		return nil, nil
	}
	for pl == nil && (err == nil || errors.Is(err, errCrowded)) {
		pl, err = g.route.places.take(ctx, to.address, nil)
	}
	return pl, err
}

// fetch asks the token endpoint (RFC 6749, 4.4.2). It goes where endpoints may be and nowhere
// else, and follows no redirect: the secret is for the URL that was given.
func (g *granting) fetch(ctx context.Context) (text string, life time.Duration, err error) {
	to, err := parseTarget(g.grant.TokenURL)
	if err != nil {
		return "", 0, ungranted("the token_url " + err.Error())
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(g.grant.Scopes) > 0 {
		form.Set("scope", strings.Join(g.grant.Scopes, " "))
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.url.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, ungranted("the token_url cannot be used")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(g.grant.ClientID), url.QueryEscape(g.grant.ClientSecret)) // RFC 6749, 2.3.1
	reply, err := g.route.grants.RoundTrip(req)
	if err != nil {
		return "", 0, err
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxRead))
	if err != nil {
		return "", 0, err
	}
	return readToken(reply.StatusCode, body)
}

// Ungranted is what a token endpoint answered instead of a token. It never quotes the answer.
type ungranted string

func (u ungranted) Error() string { return string(u) }

func ungrantedf(format string, args ...any) error { return ungranted(fmt.Sprintf(format, args...)) }

// grantErrors are the codes of RFC 6749, 5.2.
var grantErrors = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
}

// readToken reads a token endpoint's answer (RFC 6749, 5.1 and 5.2). life is 0 where it does not say.
func readToken(status int, body []byte) (text string, life time.Duration, err error) {
	var answer struct {
		Token   string      `json:"access_token"`
		Type    string      `json:"token_type"`
		Expires json.Number `json:"expires_in"`
		Error   string      `json:"error"`
	}
	unread := json.Unmarshal(body, &answer)
	switch {
	case status >= 300 && status < 400:
		return "", 0, ungrantedf("the token endpoint answered %d; redirects are not followed, give the address that it leads to", status)
	case status != http.StatusOK && slices.Contains(grantErrors, answer.Error):
		return "", 0, ungrantedf("the token endpoint answered %d (%s)", status, answer.Error)
	case status != http.StatusOK:
		return "", 0, ungrantedf("the token endpoint answered %d", status)
	case unread != nil:
		return "", 0, ungrantedf("the token endpoint's answer is not the JSON that RFC 6749 asks for")
	case answer.Token == "" || len(answer.Token) > maxToken || !header.ValidValue(answer.Token):
		return "", 0, ungrantedf("the token endpoint's answer has no access_token that a header could hold")
	case answer.Type != "" && !strings.EqualFold(answer.Type, "bearer"):
		return "", 0, ungrantedf("the token endpoint gives another kind of token than Bearer")
	}
	if seconds, err := answer.Expires.Float64(); err == nil && seconds > 0 && seconds < tokenYear.Seconds() {
		life = time.Duration(seconds * float64(time.Second))
	}
	return answer.Token, life, nil
}

// tokenDetail says in words why there is no token.
func tokenDetail(err error) string {
	var why ungranted
	var f *failure
	switch {
	case errors.As(err, &why):
		return string(why)
	case errors.As(err, &f):
		return f.detail
	case alert(err) != "":
		return tlsDetail(err)
	case timedOut(err):
		return "the token endpoint did not answer in time"
	case closed(err):
		return "the token endpoint closed the connection before its answer was whole"
	}
	return "the token endpoint's answer is not valid HTTP"
}
