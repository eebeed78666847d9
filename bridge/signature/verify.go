package signature

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Tolerance is how far webhook-timestamp may be from the receiver's clock, both ways, where
// the signature covers it.
const Tolerance = 5 * time.Minute

var (
	// ErrUnsigned says that a header of the scheme is missing or cannot be read.
	ErrUnsigned = errors.New("the request is not signed")
	// ErrMismatch says that no signature fits the message.
	ErrMismatch = errors.New("the signature does not match")
	// ErrStale says that the timestamp is too old or too far in the future.
	ErrStale = errors.New("the timestamp is outside the tolerance")
)

// received fills the message with what the headers say. Freshness is judged here; the
// caller returns ErrStale only when the signature is right.
func received(h http.Header, m *Message, now time.Time) (at string, fresh bool) {
	m.ID, at = h.Get(idHeader), h.Get(timeHeader)
	seconds, err := strconv.ParseInt(at, 10, 64)
	m.Time = time.Unix(seconds, 0)
	age := now.Sub(m.Time)
	return at, err == nil && m.ID != "" && age <= Tolerance && age >= -Tolerance
}

// equal compares in constant time.
func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
