package scheme

import "slices"

// Headers are those that a proof looks at, by their canonical names, in order and each once: where
// a signature or a token stands, and what is covered or judged beside it. Of a signature in numbered
// headers it is the first.
func (p *Proof) Headers() (proofs, others []string) {
	for _, s := range slices.Concat(p.steps, p.checks) {
		for _, t := range [...]*Template{s.when, s.unless} {
			if t != nil {
				others = t.AppendHeaders(others)
			}
		}
		for _, one := range s.schemes {
			proofs = append(proofs, standsIn(one)...)
			if content := one.signs(); content != nil {
				others = content.AppendHeaders(others)
			}
		}
	}
	if p.timed != nil {
		others = p.timed.AppendHeaders(others)
	}
	slices.Sort(proofs)
	slices.Sort(others)
	proofs = slices.Compact(proofs)
	others = slices.DeleteFunc(slices.Compact(others), func(name string) bool { return slices.Contains(proofs, name) })
	return proofs, others
}

// standsIn lists the headers in which a scheme looks for its proof.
func standsIn(one Scheme) []string {
	switch s := one.(type) {
	case *signed:
		switch {
		case s.Numbered:
			return []string{s.names[0] + "-1"}
		case s.from != nil:
			return s.from.AppendHeaders(nil)
		}
		return s.names
	case *jws:
		if s.header == "" { // the body is the token
			return nil
		}
		return []string{s.header}
	case *token:
		if s.from == nil {
			return []string{"Authorization"}
		}
		return s.from.AppendHeaders(nil)
	case *digest:
		return s.in.AppendHeaders(nil)
	}
	return nil
}

// AppendHeaders adds the headers that a template names to names, in conditions too.
func (t Template) AppendHeaders(names []string) []string {
	for _, p := range t.parts {
		if p.kind == "header" {
			names = append(names, p.arg)
		} else if p.inner != nil {
			names = p.inner.AppendHeaders(names)
		}
	}
	return names
}
