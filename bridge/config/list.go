package config

import (
	"net/netip"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
)

// itemEnd closes every item of a list that the file wrote as one, so that an item may hold
// spaces and commas. No variable of the environment can contain it.
const itemEnd = "\x00"

// noItems is a list that the file wrote without any: an empty text would mean the default.
const noItems = "\x01" + itemEnd

// items splits a list: one of the file into its items, a text at any of the separators.
func items(text, separators string) []string {
	if text == noItems {
		return nil
	}
	if list, ok := strings.CutSuffix(text, itemEnd); ok {
		return strings.Split(list, itemEnd)
	}
	var list []string
	for _, item := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// wanted is the error of a value that cannot be read: it says what can. It never repeats the
// value, which may hold a secret.
type wanted string

func (w wanted) Error() string { return "want " + string(w) }

// A List is separated by commas.
type List []string

// UnmarshalText splits at commas.
func (l *List) UnmarshalText(text []byte) error {
	*l = items(string(text), ",")
	return nil
}

// Durations are separated by commas.
type Durations []time.Duration

// UnmarshalText takes positive Go durations.
func (d *Durations) UnmarshalText(text []byte) error {
	*d = nil
	for _, item := range items(string(text), ",") {
		wait, err := endpoint.ParseDuration(item)
		if err != nil || wait <= 0 {
			return wanted("positive durations such as 1m,5m,1h")
		}
		*d = append(*d, wait)
	}
	return nil
}

// Prefixes are address ranges, separated by commas; an address stands for itself.
type Prefixes []netip.Prefix

// UnmarshalText takes ranges in CIDR form and single addresses.
func (p *Prefixes) UnmarshalText(text []byte) error {
	*p = nil
	for _, item := range items(string(text), ",") {
		r, err := netip.ParsePrefix(item)
		if addr, e := netip.ParseAddr(item); e == nil {
			r, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return wanted("address ranges such as 10.0.0.0/8,fd00::/8")
		}
		*p = append(*p, r.Masked())
	}
	return nil
}

// Headers are extra request headers. Their values may be secrets.
type Headers []Header

// A Header is one of them.
type Header struct{ Name, Value string }

// UnmarshalText takes "Name: value" lines, or such pairs separated by commas.
func (h *Headers) UnmarshalText(text []byte) error {
	*h = nil
	separator := ","
	if strings.Contains(string(text), "\n") {
		separator = "\n"
	}
	for _, item := range items(string(text), separator) {
		name, value, found := strings.Cut(item, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !found || !validHeaderName(name) || strings.ContainsAny(value, "\r\n") {
			return wanted("Name: value, one per line (a value with a comma needs lines)")
		}
		*h = append(*h, Header{Name: name, Value: value})
	}
	return nil
}

// validHeaderName follows RFC 9110, section 5.6.2.
func validHeaderName(name string) bool {
	for i := 0; i < len(name); i++ {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return name != ""
}

// Options are key=value pairs, separated by commas. A value may be a secret.
type Options map[string]string

// UnmarshalText splits at commas (a comma inside a value is written \,) and each pair at its
// first equals sign.
func (o *Options) UnmarshalText(text []byte) error {
	*o = Options{}
	pairs := splitEscaped(string(text))
	if strings.HasSuffix(string(text), itemEnd) {
		pairs = items(string(text), "")
	}
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		if !found || key == "" {
			return wanted(`key=value,… (a comma inside a value is written \,)`)
		}
		if _, twice := (*o)[key]; twice {
			return wanted("each option once: " + key + " is given twice")
		}
		(*o)[key] = value
	}
	return nil
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
