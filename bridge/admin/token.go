package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/hookspan/hookspan/bridge/problem"
)

// authorize returns nil for a request that carries the token. Hashes are compared, so that
// neither the token's text nor its length shows in the time that it takes.
func authorize(r *http.Request, token string) error {
	if token == "" {
		return problem.New(problem.Unavailable).With("no token is set: give the server HOOKSPAN_ADMIN_TOKEN or HOOKSPAN_ADMIN_TOKEN_FILE")
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(strings.TrimSpace(given)))
	if subtle.ConstantTimeCompare(want[:], got[:]) == 1 && strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	return problem.New(problem.Unauthorized).With("send the token as Authorization: Bearer …")
}
