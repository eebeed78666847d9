package scheme

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// HTTP Signatures (draft-cavage-http-signatures-12): the signature's own list says which lines are
// signed, and in which order.
const (
	lineTarget = "(request-target)"
	lineDigest = "digest" // of the body (RFC 3230); the header of that name is not believed
	lineDate   = "date"
)

// signedLines are those that a member of the list names. Without the body's digest and the time there
// would be nothing to hold a delivery against.
func (x *Exchange) signedLines(member string) (string, bool) {
	names := strings.Fields(strings.ToLower(x.item(member)))
	if len(names) > mostListed || !slices.Contains(names, lineDigest) || !slices.Contains(names, lineDate) {
		return "", false
	}
	for i, name := range names {
		var value string
		switch name {
		case lineTarget:
			_, _, target := cutURL(x.url)
			target, _, _ = strings.Cut(target, "#")
			value = strings.ToLower(x.Request.Method) + " " + target
		case lineDigest:
			sum := sha256.Sum256(x.Request.Body)
			value = "sha-256=" + base64.StdEncoding.EncodeToString(sum[:])
		default:
			value = x.Header(http.CanonicalHeaderKey(name))
		}
		if value == "" {
			return "", false
		}
		names[i] = name + ": " + value
	}
	return strings.Join(names, "\n"), true
}

// signLines gives a request what the lines are made of, and the list its members.
func (s *signature) signLines(x *Exchange, member string) {
	if x.Header("Date") == "" {
		x.Request.Header.Set("Date", x.Request.Received.UTC().Format(http.TimeFormat))
	}
	x.items = append(x.items, item{member, strings.Join([]string{lineTarget, "host", lineDate, lineDigest}, " ")})
}
