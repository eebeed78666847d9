package cluster

import "context"

// Pure functions that are tested from outside.
var ReadToken = readToken

// Batches is batches, its fields laid open.
func Batches(raw []byte, each func(first, last, mark int64)) {
	for b := range batches(raw) {
		each(b.first, b.last, b.mark)
	}
}

// A TokenSource is what SASL oauthbearer asks for tokens.
type TokenSource struct{ t *tokens }

// NewTokenSource returns one.
func NewTokenSource(s *SASL) TokenSource { return TokenSource{newTokens(s)} }

// Token is the one that a connection made now would use.
func (s TokenSource) Token(ctx context.Context) (string, error) {
	a, err := s.t.auth(ctx)
	return a.Token, err
}
