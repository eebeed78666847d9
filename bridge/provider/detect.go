package provider

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A Guess is a provider that a request may come from, as far as its headers tell.
type Guess struct {
	Provider string   `json:"provider"`
	Like     string   `json:"like,omitempty"` // the provider that it builds on: nothing tells it from others that do
	Score    int      `json:"score"`          // 2000 for the header of a proof and 1000 for another one, divided by how many schemes name it
	Headers  []string `json:"headers"`        // of the request, by canonical names, that of the proof first, then the most telling
}

const (
	proofPoints  = 2000
	headerPoints = 1000
	telling      = 500 // of a score that is worth a hint
	shownNames   = 3   // in a hint, of providers and of headers
	everyones    = 40  // as many schemes as if so many named a header that anybody sets
)

// everyday are headers that clients and proxies set whatever they send; a file may name them.
var everyday = map[string]bool{
	"Accept": true, "Authorization": true, "Content-Type": true, "Date": true, "Host": true, "User-Agent": true, "X-Request-Id": true,
}

// A detector tells from headers whose a request may be. It does not change.
type detector struct {
	headers  []string // that some provider names, the most telling first
	mentions map[string][]mention
	schemes  map[string]int  // that name a header; providers that build on one are one scheme
	count    map[string]int  // of the headers that a provider names
	bases    map[string]bool // providers that others build on
}

// A mention is a provider that names a header.
type mention struct {
	provider, like string
	proof          bool
}

func (c *Catalog) newDetector() *detector {
	d := &detector{mentions: map[string][]mention{}, schemes: map[string]int{}, count: map[string]int{}, bases: map[string]bool{}}
	written, seen := readNamed(namedTable), map[[2]string]bool{}
	for _, name := range c.Names() {
		n, known := written[name]
		if e := c.entries[name]; e.own || !known {
			p, err := e.parse()
			if err != nil {
				continue // Load has told of it
			}
			n = p.named
		}
		d.count[name], d.bases[n.like] = len(n.proofs)+len(n.others), true
		scheme := cmp.Or(n.like, name)
		for i, header := range slices.Concat(n.proofs, n.others) {
			d.mentions[header] = append(d.mentions[header], mention{name, n.like, i < len(n.proofs)})
			if !seen[[2]string{header, scheme}] {
				seen[[2]string{header, scheme}] = true
				d.schemes[header]++
			}
		}
	}
	for header := range d.mentions {
		d.headers = append(d.headers, header)
	}
	slices.SortFunc(d.headers, func(a, b string) int {
		return cmp.Or(d.points(b, false)-d.points(a, false), strings.Compare(a, b))
	})
	return d
}

// points are what a header counts for.
func (d *detector) points(header string, proof bool) int {
	schemes := max(d.schemes[header], 1)
	if everyday[header] {
		schemes = max(schemes, everyones)
	}
	if proof {
		return proofPoints / schemes
	}
	return headerPoints / schemes
}

// Detect returns the providers that a request with these headers may come from, the likeliest first:
// those that name one of them, whatever its value. The names of headers are canonical, as net/http
// writes them. The order is always the same; of equal scores one that others build on comes first,
// then the one that misses the fewest of its headers. The work is bounded by the catalogue, not by
// the request. No guess holds anything of the request but names of headers that the catalogue knows.
func (c *Catalog) Detect(header http.Header) []Guess {
	d := c.detector()
	guesses, place := []Guess{}, map[string]int{}
	for _, name := range d.headers {
		if !hasHeader(header, name) {
			continue
		}
		for _, m := range d.mentions[name] {
			i, there := place[m.provider]
			if !there {
				i = len(guesses)
				place[m.provider] = i
				guesses = append(guesses, Guess{Provider: m.provider, Like: m.like})
			}
			g := &guesses[i]
			g.Score += d.points(name, m.proof)
			if m.proof {
				g.Headers = slices.Insert(g.Headers, 0, name)
			} else {
				g.Headers = append(g.Headers, name)
			}
		}
	}
	slices.SortFunc(guesses, func(a, b Guess) int {
		rank := func(g Guess) int {
			if d.bases[g.Provider] {
				return -1
			}
			return d.count[g.Provider] - len(g.Headers) // what it misses
		}
		return cmp.Or(b.Score-a.Score, rank(a)-rank(b), strings.Compare(a.Provider, b.Provider))
	})
	return guesses
}

func hasHeader(header http.Header, name string) bool {
	return slices.ContainsFunc(header[name], func(line string) bool { return line != "" })
}

// Best are the first of the guesses that Detect returned, all of one score: headers alone do not
// tell them apart.
func Best(guesses []Guess) []Guess {
	n := 0
	for n < len(guesses) && guesses[n].Score == guesses[0].Score {
		n++
	}
	return guesses[:n]
}

// Hint says in words whose request this looks like, for one that a source has refused: "the request
// looks like github's: it has …". It is "" where the headers tell too little, and where the source's
// own provider, with its options, explains them as well as any other.
func (c *Catalog) Hint(v *Verifier, header http.Header) string {
	best := Best(c.Detect(header))
	if len(best) == 0 || best[0].Score < telling {
		return ""
	}
	d, own, points := c.detector(), v.named(), 0
	for i, name := range slices.Concat(own.proofs, own.others) {
		if hasHeader(header, name) {
			points += d.points(name, i < len(own.proofs))
		}
	}
	if points >= best[0].Score {
		return ""
	}
	return LooksLike(best)
}

// LooksLike says in words whose request it is by the guesses that Detect returned: that of the first, or
// of all that have its score. It is "" where they tell too little.
func LooksLike(guesses []Guess) string {
	best := Best(guesses)
	if len(best) == 0 || best[0].Score < telling {
		return ""
	}
	has := best[0].Headers
	with := ": it has " + strings.Join(has[:min(len(has), shownNames)], ", ")
	if len(best) == 1 {
		return "the request looks like " + best[0].Provider + "'s" + with
	}
	var names []string
	for _, g := range best[:min(len(best), shownNames)] {
		names = append(names, g.Provider)
	}
	text := strings.Join(names, ", ")
	if more := len(best) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return "the request looks like that of one of " + text + with
}
