package draft

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme"
)

// A way is how a request may be proven: a token, or a signature in its place, over content.
type way struct {
	place
	token     string // where a token stands; "" where it is a signature
	content   string // a template
	key       string // how the secret is written: "", hex or base64
	keyPrefix string // in front of what is decoded
	time      string // the value that is signed and is the time of sending; "" for none
}

// Bounds of the work of one proof.
const (
	maxTries  = 4000
	maxHashed = 4 << 30 // bytes
)

// prove finds how the request is signed: with a secret for certain, else as well as it can be told.
func (d *drafting) prove() {
	tries, hashed := 0, 0
	for _, secret := range d.secrets {
		for w := range d.ways(secret) {
			if tries++; tries > maxTries || hashed > maxHashed {
				break
			}
			hashed += len(d.request.Body)
			if d.fits(w, secret) {
				d.way, d.Proven, d.found = w, true, true
				d.note(Proven, "%s", w)
				return
			}
		}
	}
	d.way, d.found = d.likely()
	switch {
	case !d.found:
		d.note(NotFound, "nothing in the request looks like a signature under a shared secret, or a token")
		d.foreign()
		return
	case len(d.secrets) > 0:
		d.note(NotFound, "how it is signed: none of %d ways fits, so what stands there is a guess", tries)
	}
	d.note(Guessed, "%s", d.way)
	if d.way.size == 64 && d.way.token == "" {
		d.note(Guessed, "a signature of 64 bytes may be one of Ed25519 too, under a public key of the vendor's")
	}
}

// fits reports whether the request is genuine that way.
func (d *drafting) fits(w way, secret string) bool {
	p, err := d.catalog.Read(d.Provider+".yaml", []byte("name: "+quote(d.Provider)+"\n"+d.methods()+"verify:\n"+w.verify()+"event: {prefix: com."+d.Provider+", body: any}\n"))
	if err != nil {
		return false
	}
	v, err := p.Compile(provider.Config{Source: d.Provider, Secrets: []string{secret}})
	if err != nil {
		return false
	}
	_, err = v.Verify(d.request)
	return err == nil
}

// ways lists all that are tried with a secret, the likeliest first.
func (d *drafting) ways(secret string) func(yield func(way) bool) {
	return func(yield func(way) bool) {
		for _, token := range d.tokens(secret) {
			if !yield(way{token: token}) {
				return
			}
		}
		for _, p := range d.places() {
			for _, content := range d.contents(p) {
				for _, w := range keyed(way{place: p, content: content.template, time: content.time}, secret) {
					if !yield(w) {
						return
					}
				}
			}
		}
	}
}

// keyed lists the ways in which the secret may be written.
func keyed(w way, secret string) []way {
	all := []way{w}
	if strings.Contains(w.content, "{secret}") {
		return all // such constructions take the secret as it is
	}
	with := func(key, prefix string) {
		other := w
		other.key, other.keyPrefix = key, prefix
		all = append(all, other)
	}
	if prefix, _, ok := keyPrefix(secret); ok {
		with("base64", prefix)
	}
	if isBase64(secret) {
		with("base64", "")
	}
	if _, err := hex.DecodeString(secret); err == nil {
		with("hex", "")
	}
	return all
}

func isBase64(text string) bool {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	return err == nil && len(raw) > 0
}

// tokens lists where the request shows the secret as it is.
func (d *drafting) tokens(secret string) (places []string) {
	if secret == "" {
		return nil
	}
	scheme, rest, _ := strings.Cut(d.request.Header.Get("Authorization"), " ")
	switch rest = strings.TrimSpace(rest); {
	case strings.EqualFold(scheme, "bearer") && rest == secret:
		places = append(places, "bearer")
	case strings.EqualFold(scheme, "basic") && rest == base64.StdEncoding.EncodeToString([]byte(secret)):
		places = append(places, "basic")
	}
	for _, name := range slices.Sorted(maps.Keys(d.request.Header)) {
		if plain(name) && first(d.request.Header[name]) == secret {
			places = append(places, "header:"+name)
		}
	}
	values := query(d.request)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if plain(name) && first(values[name]) == secret {
			places = append(places, "query:"+name)
		}
	}
	return places
}

// likely is the best guess without a secret.
func (d *drafting) likely() (way, bool) {
	if all := d.places(); len(all) > 0 && all[0].rank < 3 {
		p := all[0]
		w := way{place: p, content: "{body}"}
		if contents := d.contents(p); len(contents) > 1 && contents[1].time != "" {
			w.content, w.time = contents[1].template, contents[1].time // who sends a time beside a signature mostly signs it
		} else if slices.Contains(scheme.Bodiless, d.request.Method) {
			w.content = "{url}"
		}
		return w, true
	}
	for _, name := range slices.Sorted(maps.Keys(d.request.Header)) {
		kind, _, _ := strings.Cut(d.request.Header.Get(name), " ")
		switch {
		case name == "Authorization" && (strings.EqualFold(kind, "basic") || strings.EqualFold(kind, "bearer")):
			return way{token: strings.ToLower(kind)}, true
		case plain(name) && !ofTransport(name) && (rank(name) == 1 || rank(name) == 2) && name != "Authorization":
			return way{token: "header:" + name}, true
		}
	}
	return way{place: place{header: "X-Signature", encoding: "hex", size: 32}, content: "{body}"}, false
}

// foreign finds a signature that is made without a shared secret, or is a token in compact form.
func (d *drafting) foreign() {
	for _, name := range slices.Sorted(maps.Keys(d.request.Header)) {
		value := first(d.request.Header[name])
		if ofTransport(name) || !plain(name) || len(value) > maxLine {
			continue
		}
		_, token, behind := strings.Cut(value, " ")
		if !behind {
			token = value
		}
		raw, err := base64.StdEncoding.DecodeString(value)
		switch {
		case strings.HasPrefix(token, "eyJ") && strings.Count(token, ".") == 2:
			d.note(Guessed, "header %s holds a token in compact form: write the family jws instead of hmac", name)
		case err == nil && len(raw) > 64 && rank(name) < 2:
			d.note(Guessed, "header %s holds %d bytes, which no hash makes: write the family ecdsa or rsa instead of hmac, whose secret is a public key", name, len(raw))
		default:
			continue
		}
		d.way.header = name
		return
	}
}

// String says in words what is compared with what.
func (w way) String() string {
	if w.token != "" {
		return "the secret is shown as it is: " + w.token
	}
	where := "header " + w.header
	if w.in != "" {
		where = "the value " + w.in
	}
	kind := "HMAC-" + strings.ToUpper(hashes[w.size])
	if w.family() == "hash" {
		kind = strings.ToUpper(hashes[w.size])
	}
	text := fmt.Sprintf("the signature in %s is %s over %s, in %s", where, kind, w.content, w.encoding)
	switch {
	case w.prefix != "":
		text += fmt.Sprintf(", behind %q", w.prefix)
	case w.item != "":
		text += fmt.Sprintf(", the member %s of a list", w.item)
	case w.version != "":
		text += fmt.Sprintf(", of version %s", w.version)
	}
	if w.key != "" {
		text += "; the secret is written in " + w.key
	}
	return text
}

// family is the word for it in a provider's file.
func (w way) family() string {
	switch {
	case w.token != "":
		return "token"
	case strings.Contains(w.content, "{secret}"):
		return "hash"
	}
	return "hmac"
}

// verify is the step of a provider's file.
func (w way) verify() string {
	if w.token != "" {
		return "  - token: {in: " + quote(w.token) + "}\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  - %s:\n", w.family())
	separator := w.separator
	if separator == "," {
		separator = "" // is the usual one
	}
	for _, one := range []struct{ name, value string }{
		{"header", w.header}, {"in", w.in}, {"prefix", w.prefix}, {"item", w.item}, {"separator", separator}, {"version", w.version},
		{"hash", hashes[w.size]}, {"encoding", w.encoding}, {"content", w.content}, {"key", w.key}, {"key_prefix", w.keyPrefix},
	} {
		if one.value != "" {
			fmt.Fprintf(&b, "      %s: %s\n", one.name, quote(one.value))
		}
	}
	return b.String()
}
