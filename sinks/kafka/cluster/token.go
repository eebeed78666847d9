package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/oauth"
)

const (
	tokenTimeout = 10 * time.Second
	tokenBytes   = 1 << 20 // of an answer
	// tokenLife is how long a token is used whose answer does not say.
	tokenLife = time.Minute
)

// tokens gets access tokens by the client credentials grant (RFC 6749, 4.4) and keeps the
// newest until a fifth of its life is left.
type tokens struct {
	s    *SASL
	http *http.Client

	turn  chan struct{} // one slot, taken by whoever looks; it guards the rest
	token string
	until time.Time
}

func newTokens(s *SASL) *tokens {
	return &tokens{
		s: s, turn: make(chan struct{}, 1),
		http: &http.Client{
			Timeout: tokenTimeout,
			// The secret goes to the URL that was given and nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// auth is called whenever a connection is made or its session has to be renewed.
func (t *tokens) auth(ctx context.Context) (oauth.Auth, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return oauth.Auth{}, context.Cause(ctx)
	}
	defer func() { <-t.turn }()
	if t.token == "" || !time.Now().Before(t.until) {
		token, life, err := t.get(ctx)
		if err != nil {
			return oauth.Auth{}, fmt.Errorf("%w: %w", errToken, err)
		}
		t.token, t.until = token, time.Now().Add(life-life/5)
	}
	return oauth.Auth{Token: t.token}, nil
}

// errToken: there is no token to be had; with errNoToken, as things are set up there never is.
var (
	errToken   = errors.New("get a token for SASL oauthbearer")
	errNoToken = errors.New("refused")
)

// mechanism is OAUTHBEARER (RFC 7628).
func (t *tokens) mechanism() sasl.Mechanism { return bearer{oauth.Oauth(t.auth), t} }

// bearer says what a broker has against a token, and has a refused one never used again.
type bearer struct {
	sasl.Mechanism
	tokens *tokens
}

// Authenticate implements sasl.Mechanism.
func (b bearer) Authenticate(ctx context.Context, host string) (sasl.Session, []byte, error) {
	s, first, err := b.Mechanism.Authenticate(ctx, host)
	if err != nil {
		return nil, nil, err
	}
	return bearing{s, b.tokens, string(first)}, first, nil
}

type bearing struct {
	sasl.Session
	tokens *tokens
	first  string // the message that holds the token
}

// Challenge implements sasl.Session. Anything but an empty answer is a refusal (RFC 7628, 3.2.2).
func (b bearing) Challenge(answer []byte) (bool, []byte, error) {
	if len(answer) == 0 {
		return b.Session.Challenge(answer)
	}
	b.tokens.drop(b.first)
	var why struct {
		Status string `json:"status"`
	}
	if json.Unmarshal(answer, &why) != nil {
		why.Status = "it does not say why"
	}
	return false, nil, fmt.Errorf("%w: %.40q", kerr.SaslAuthenticationFailed, why.Status)
}

// drop forgets the token that a message holds.
func (t *tokens) drop(message string) {
	t.turn <- struct{}{}
	defer func() { <-t.turn }()
	if t.token != "" && strings.Contains(message, "Bearer "+t.token+"\x01") {
		t.token = ""
	}
}

func (t *tokens) get(ctx context.Context) (token string, life time.Duration, err error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if len(t.s.Scopes) > 0 {
		form.Set("scope", strings.Join(t.s.Scopes, " "))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.s.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, errors.New("the token URL cannot be used")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(t.s.ClientID), url.QueryEscape(t.s.ClientSecret)) // RFC 6749, 2.3.1
	resp, err := t.http.Do(req)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err // without the URL, which may hold a secret
		}
		return "", 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	return readToken(resp.StatusCode, io.LimitReader(resp.Body, tokenBytes))
}

// readToken reads a token endpoint's answer (RFC 6749, 5.1 and 5.2).
func readToken(status int, body io.Reader) (token string, life time.Duration, err error) {
	var answer struct {
		Token   string      `json:"access_token"`
		Expires json.Number `json:"expires_in"`
		Error   string      `json:"error"`
	}
	err = json.NewDecoder(body).Decode(&answer)
	switch {
	case status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden:
		return "", 0, fmt.Errorf("%w: the token URL answered %d, %.40q", errNoToken, status, answer.Error)
	case status != http.StatusOK && answer.Error != "":
		return "", 0, fmt.Errorf("the token URL answered %d, %.40q", status, answer.Error)
	case status != http.StatusOK:
		return "", 0, fmt.Errorf("the token URL answered %d", status)
	case err != nil:
		return "", 0, errors.New("the token URL's answer is not the JSON that RFC 6749 asks for")
	case answer.Token == "":
		return "", 0, errors.New("the token URL's answer has no access_token")
	}
	life = tokenLife
	if seconds, err := answer.Expires.Float64(); err == nil && seconds > 0 && seconds < float64(tokenYear/time.Second) {
		life = time.Duration(seconds * float64(time.Second))
	}
	return answer.Token, life, nil
}

// tokenYear is more than any token lives.
const tokenYear = 366 * 24 * time.Hour
