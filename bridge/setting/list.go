package setting

import (
	"net/netip"
	"strings"
	"time"
)

// ItemEnd closes every item of a list that was written as one, in the file or in JSON, so that an
// item may hold spaces and commas. No variable of the environment can contain it.
const ItemEnd = "\x00"

// NoItems is a list that was written as one, without any: an empty text would mean the default.
const NoItems = "\x01" + ItemEnd

// Marked is a list as Items takes it apart again.
func Marked(list []string) string {
	if len(list) == 0 {
		return NoItems
	}
	return strings.Join(list, ItemEnd) + ItemEnd
}

// Items splits a list: a marked one into its items, a text at any of the separators.
func Items(text, separators string) []string {
	if text == NoItems {
		return nil
	}
	if list, ok := strings.CutSuffix(text, ItemEnd); ok {
		return strings.Split(list, ItemEnd)
	}
	var list []string
	for _, item := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// A List is separated by commas.
type List []string

// Parse splits at commas.
func (l *List) Parse(text string) error {
	*l = Items(text, ",")
	return nil
}

// OfKind is KindList.
func (List) OfKind() Kind { return KindList }

// Show is never null.
func (l List) Show() any { return append([]string{}, l...) }

// Prefixes are address ranges, separated by commas; an address stands for itself.
type Prefixes []netip.Prefix

// Parse takes ranges in CIDR form and single addresses.
func (p *Prefixes) Parse(text string) error {
	*p = nil
	for _, item := range Items(text, ",") {
		r, err := netip.ParsePrefix(item)
		if addr, e := netip.ParseAddr(item); e == nil {
			r, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return Wanted("address ranges such as 10.0.0.0/8,fd00::/8")
		}
		if r.Addr().Is4In6() && r.Bits() >= 96 {
			r = netip.PrefixFrom(r.Addr().Unmap(), r.Bits()-96)
		}
		*p = append(*p, r.Masked())
	}
	return nil
}

// OfKind is KindList.
func (Prefixes) OfKind() Kind { return KindList }

// String is how they are written.
func (p Prefixes) String() string { return strings.Join(p.texts(), ",") }

// Show is a list of texts, never null.
func (p Prefixes) Show() any { return p.texts() }

func (p Prefixes) texts() []string {
	list := make([]string, len(p))
	for i := range p {
		list[i] = p[i].String()
	}
	return list
}

// Contain reports whether an address is in one of them.
func (p Prefixes) Contain(a netip.Addr) bool {
	for i := range p {
		if p[i].Contains(a) {
			return true
		}
	}
	return false
}

// Durations are separated by commas.
type Durations []time.Duration

// Parse takes positive Go durations.
func (d *Durations) Parse(text string) error {
	*d = nil
	for i, item := range Items(text, ",") {
		wait, err := ParseDuration(item)
		if err != nil || wait <= 0 {
			return itemError{i, Wanted("positive durations such as 1m,5m,1h")}
		}
		*d = append(*d, wait)
	}
	return nil
}

// OfKind is KindList.
func (Durations) OfKind() Kind { return KindList }

// Show is a list of texts, never null.
func (d Durations) Show() any {
	texts := make([]string, len(d))
	for i := range d {
		texts[i] = FormatDuration(d[i])
	}
	return texts
}

// Options are key=value pairs, separated by commas. A value may be a secret.
type Options map[string]string

// Parse splits at commas (a comma inside a value is written \,) and each pair at its first
// equals sign.
func (o *Options) Parse(text string) error {
	*o = Options{}
	pairs := splitEscaped(text)
	if strings.HasSuffix(text, ItemEnd) {
		pairs = Items(text, "")
	}
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		if !found || key == "" {
			return Wanted(`key=value,… (a comma inside a value is written \,)`)
		}
		if _, twice := (*o)[key]; twice {
			return Wanted("each option once: " + key + " is given twice")
		}
		(*o)[key] = value
	}
	return nil
}

// OfKind is KindOptions.
func (Options) OfKind() Kind { return KindOptions }

// Show is never null.
func (o Options) Show() any {
	if o == nil {
		return Options{}
	}
	return o
}

// splitEscaped splits at commas that no backslash precedes; empty parts are left out.
func splitEscaped(text string) []string {
	var parts []string
	var part strings.Builder
	end := func() {
		if strings.TrimSpace(part.String()) != "" {
			parts = append(parts, part.String())
		}
		part.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == ',':
			part.WriteByte(',')
			i++
		case text[i] == ',':
			end()
		default:
			part.WriteByte(text[i])
		}
	}
	end()
	return parts
}
