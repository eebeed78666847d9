package scheme

import (
	"fmt"
	"slices"
)

// Bodiless are the methods whose deliveries have no body.
var Bodiless = []string{"GET", "HEAD", "DELETE"}

// checkCoverage refuses a signature that leaves the delivery to anybody who has seen one request,
// and warns of one that covers only values of the body, as some vendors make it.
func (c *Compiler) checkCoverage(steps []*step, methods []string) error {
	inBody := slices.ContainsFunc(methods, func(m string) bool { return !slices.Contains(Bodiless, m) })
	for _, s := range steps {
		for _, one := range s.schemes {
			k, ok := one.(*signed)
			if ok && k.content.Has("crc32") {
				c.Warn("signatures cover a checksum of the body: whoever saw one request can send another one with the same checksum")
				continue
			}
			if !ok || digests(steps) || k.content.covers(bodies...) {
				continue
			}
			if k.content.covers("json", "form") && !k.whole {
				c.Warn("signatures cover values of the body and not the whole of it: whoever saw one request can send another one that differs in the rest")
				continue
			}
			if _, constant := k.content.Fixed(); k.partial && !constant {
				c.Warn("signatures cover nothing of the body: whoever saw one request can send another one with other content")
				continue
			}
			if k.bare = true; inBody || !k.content.covers("url", "sorted-query", "query") {
				return fmt.Errorf("content: %s leaves the delivery unsigned, so whoever saw one request could send another; put {body} into it, or {url} where deliveries come by GET", k.content.String())
			}
		}
	}
	return nil
}

// digests reports a step that ties the body to what is signed.
func digests(steps []*step) bool {
	return slices.ContainsFunc(steps, func(s *step) bool {
		return slices.ContainsFunc(s.schemes, func(one Scheme) bool { _, ok := one.(*digest); return ok })
	})
}
