package scheme

import (
	"net/url"
	"slices"
	"strings"
)

// CarryQuery makes the query the data of a delivery that has no body, such as one by GET. What
// nobody signed is left out, and so are tokens, which whoever reads the event must not get.
func (x *Exchange) CarryQuery(tokens []string) {
	if len(x.Request.Body) > 0 {
		return
	}
	var kept []string
	_, query, _ := strings.Cut(x.Request.URL, "?")
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && pair != "" && !slices.Contains(tokens, name) && x.carries(name) {
			kept = append(kept, pair)
		}
	}
	if len(kept) == 0 {
		return
	}
	x.Data, x.unpacked, x.FromQuery = []byte(strings.Join(kept, "&")), true, true
	x.formRead, x.form, x.Scanned = false, nil, false
}

// carries reports whether a parameter of the query is part of the delivery: signed, or shown by
// somebody who has the token.
func (x *Exchange) carries(name string) bool {
	signed := false
	for _, h := range x.Held {
		content := h.scheme.signs()
		if content == nil {
			continue
		}
		if content.covers("url", "sorted-query") || content.holds(ValueOf("query", name)) {
			return true
		}
		signed = true
	}
	return !signed
}
