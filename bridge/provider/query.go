package provider

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// carryQuery makes the query the data of a delivery that has no body, such as one by GET. What
// nobody signed is left out, and so is a token, which whoever reads the event must not get.
func (x *exchange) carryQuery() {
	if len(x.req.Body) > 0 || x.v.builder.format != "" {
		return
	}
	var kept []string
	_, query, _ := strings.Cut(x.req.URL, "?")
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && pair != "" && !slices.Contains(x.v.secretQuery, name) && x.carries(name) {
			kept = append(kept, pair)
		}
	}
	if len(kept) == 0 {
		return
	}
	x.data, x.unpacked, x.fromQuery = []byte(strings.Join(kept, "&")), true, true
	x.formRead, x.form, x.scanned = false, nil, false
}

// carries reports whether a parameter of the query is part of the delivery: signed, or shown by
// somebody who has the token.
func (x *exchange) carries(name string) bool {
	signed := false
	for _, h := range x.held {
		content := h.scheme.signs()
		if content == nil {
			continue
		}
		if content.covers("url") || content.holds(template{parts: []part{{kind: "query", arg: name}}}) {
			return true
		}
		signed = true
	}
	return !signed
}

// secretQuery are the parameters that prove who sent a request.
func secretQuery(steps []*step) (names []string) {
	for _, s := range steps {
		for _, one := range s.schemes {
			if t, ok := one.(*token); ok && t.from != nil && t.from.parts[0].kind == "query" {
				names = append(names, t.from.parts[0].arg)
			}
		}
	}
	return names
}

// bodiless are the methods whose deliveries have no body.
var bodiless = []string{"GET", "HEAD", "DELETE"}

// checkCoverage refuses a signature that leaves the delivery to anybody who has seen one request,
// and warns of one that covers only values of the body, as some vendors make it.
func (c *compiler) checkCoverage(v *Verifier) error {
	inBody := slices.ContainsFunc(v.methods, func(m string) bool { return !slices.Contains(bodiless, m) })
	for _, s := range v.steps {
		for _, one := range s.schemes {
			k, ok := one.(*signed)
			if !ok || v.digests() || k.content.covers("body", "unpacked", "sorted-form") {
				continue
			}
			if k.content.covers("json", "form") && !k.whole {
				c.warn("signatures cover %s and not the whole body: whoever saw one request can send another one", k.content.String())
				continue
			}
			if k.bare = true; inBody || !k.content.covers("url", "query") {
				return fmt.Errorf("content: %s leaves the delivery unsigned, so whoever saw one request could send another; put {body} into it, or {url} where deliveries come by GET", k.content.String())
			}
		}
	}
	return nil
}

// digests reports a step that ties the body to what is signed.
func (v *Verifier) digests() bool {
	return slices.ContainsFunc(v.steps, func(s *step) bool {
		return slices.ContainsFunc(s.schemes, func(one scheme) bool { _, ok := one.(*digest); return ok })
	})
}
