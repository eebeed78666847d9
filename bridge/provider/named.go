package provider

import (
	_ "embed"
	"net/http"
	"slices"
	"strings"
)

// namedTable says which headers each file of the catalogue names, so that nobody has to compile all of
// them to know: a line for each provider, with what it builds on and its headers, those of a proof
// behind a star. A test holds it against the files, and writes it with -update.
//
//go:embed named.tsv
var namedTable string

// named are the headers that a provider's file names, by their canonical names, in order and each once.
type named struct {
	like   string   // the provider that the file builds on, "" for none
	proofs []string // in which a signature or a token stands
	others []string
}

// named lists the headers that a source's verifier looks at.
func (v *Verifier) named() named {
	n := named{like: v.provider.Like}
	n.proofs, n.others = v.proof.Headers()
	n.others = append(n.others, v.builder.Named()...)
	for _, h := range v.challenges {
		n.others = h.named(n.others)
	}
	slices.Sort(n.others)
	n.others = slices.DeleteFunc(slices.Compact(n.others), func(name string) bool { return slices.Contains(n.proofs, name) })
	return n
}

// without takes out what an option's example put there: that is no header of the provider's.
func (n named) without(options []Option) named {
	for _, o := range options {
		if o.Default != "" || o.Example == "" {
			continue
		}
		example := func(name string) bool { return name == http.CanonicalHeaderKey(o.Example) }
		n.proofs, n.others = slices.DeleteFunc(n.proofs, example), slices.DeleteFunc(n.others, example)
	}
	return n
}

// line is a line of the table.
func (n named) line(provider string) string {
	words := make([]string, 0, len(n.proofs)+len(n.others))
	for _, name := range n.proofs {
		words = append(words, "*"+name)
	}
	return provider + "\t" + n.like + "\t" + strings.Join(append(words, n.others...), " ") + "\n"
}

// readNamed reads the table.
func readNamed(table string) map[string]named {
	all := map[string]named{}
	for line := range strings.Lines(table) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			continue
		}
		n := named{like: fields[1]}
		for _, word := range strings.Fields(fields[2]) {
			if name, proof := strings.CutPrefix(word, "*"); proof {
				n.proofs = append(n.proofs, name)
			} else {
				n.others = append(n.others, name)
			}
		}
		all[fields[0]] = n
	}
	return all
}
