package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// tagOf is an endpoint's ETag. It changes with whatever somebody sets, and not with what the endpoint
// is doing, such as what it is behind with.
func tagOf(e *endpoint.Endpoint) string {
	return `"` + e.ID + "." + strconv.FormatInt(e.Updated.UnixMilli(), 36) + `"`
}

// tagOfText is one of what does not change by requests.
func tagOfText(text []byte) string {
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// A staleError is a request's whose If-Match names another state than that of now.
type staleError struct{ now string }

func (s staleError) Error() string {
	return fmt.Sprintf("it has changed since: its ETag is %s now; read it again, and change that", s.now)
}

// match returns what a request demands of the endpoint as it is: nil without If-Match. A tag
// counts by its text alone (RFC 9110, 13.1.1), so a weak one never does.
func match(r *http.Request) func(*endpoint.Endpoint) error {
	lines := r.Header.Values("If-Match")
	if len(lines) == 0 {
		return nil
	}
	wanted := map[string]bool{}
	for one := range strings.SplitSeq(strings.Join(lines, ","), ",") { // our own tags hold no commas
		wanted[strings.TrimSpace(one)] = true
	}
	return func(e *endpoint.Endpoint) error {
		if wanted["*"] || wanted[tagOf(e)] {
			return nil
		}
		return staleError{tagOf(e)}
	}
}

// matches holds an endpoint against what is demanded.
func matches(e *endpoint.Endpoint, demand func(*endpoint.Endpoint) error) error {
	if demand == nil {
		return nil
	}
	return demand(e)
}
