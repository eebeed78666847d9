package vector

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme"
)

// A proof is where the expected signature or token stands: in one header, the URL or the body.
type proof struct {
	header string // its name, "" for the others
	inURL  bool
	text   string // the whole header, URL or body
	at     int    // bytes in front of the signature
}

// find looks in the headers first, then in the URL, then in the body.
func (v Vector) find() (proof, bool) {
	for _, name := range slices.Sorted(maps.Keys(v.Headers)) {
		if at := strings.Index(v.Headers[name], v.Expected); at >= 0 {
			return proof{header: name, text: v.Headers[name], at: at}, true
		}
	}
	if at := strings.Index(v.URL, v.Expected); at >= 0 {
		return proof{inURL: true, text: v.URL, at: at}, true
	}
	at := strings.Index(v.Body, v.Expected)
	return proof{text: v.Body, at: at}, at >= 0
}

// with puts another text in the place of the one that holds the signature.
func (p proof) with(r *provider.Request, text string) *provider.Request {
	switch {
	case p.header != "":
		r.Header.Set(p.header, text)
	case p.inURL:
		r.URL = text
	default:
		r.Body = []byte(text)
	}
	return r
}

// signatures alters the signature, and takes it out alone and with all else that may steer the proof.
func (c *check) signatures() {
	v := c.vector
	if v.Expected == "" {
		c.notTried("the signature: the vector's expected does not name it")
		c.unnamed()
		return
	}
	p, ok := v.find()
	if !ok {
		c.fault("no header holds the expected signature, nor does the URL or the body")
		return
	}
	bad := []provider.Reason{provider.BadSignature, provider.Token}
	none := []provider.Reason{provider.NoSignature, provider.Token}
	if p.header == "" { // what is no escape any more may be no query or body either
		bad, none = nil, nil
	}
	for i := range len(v.Expected) {
		flipped := []byte(p.text)
		flipped[p.at+i] = flip(flipped[p.at+i])
		c.refused("a flipped character in the signature", c.verifier, p.with(v.Request(), string(flipped)), bad...)
	}
	empty := p.text[:p.at] + p.text[p.at+len(v.Expected):]
	c.refused("an empty signature", c.verifier, p.with(v.Request(), empty), append(bad, none...)...)
	unsigned := func() *provider.Request { return p.with(v.Request(), empty) }
	if p.header != "" {
		unsigned = func() *provider.Request {
			r := v.Request()
			r.Header.Del(p.header)
			return r
		}
		c.refused("no signature", c.verifier, unsigned(), none...)
	}
	r := unsigned()
	strip(r)
	c.refused("nothing signed at all", c.verifier, r)
	c.steered(unsigned)
}

// unnamed takes out all that may prove a request whose signature is not named: what stands around
// the body, and the body too where that alone is enough.
func (c *check) unnamed() {
	r := c.vector.Request()
	strip(r)
	if _, err := c.verifier.Verify(r); err == nil {
		if c.file.UnsignedBody || c.vector.Malleable { // else a flipped byte has told that the body is the proof
			c.notTried("the body without its proof: it is taken with nothing around it, and expected names no part of it")
		}
		r.Body = []byte("{}")
	}
	c.refused("nothing signed at all", c.verifier, r)
}

// strip takes off the query and all headers but those that say what the body is.
func strip(r *provider.Request) {
	r.URL, _, _ = strings.Cut(r.URL, "?")
	maps.DeleteFunc(r.Header, func(name string, _ []string) bool { return name != "Content-Type" && name != "Content-Encoding" })
}

// steered takes one more thing out of a request without its signature, in turn: a header, a
// parameter, a member of the body. A step of the file that depends on it must not be left out so.
func (c *check) steered(unsigned func() *provider.Request) {
	for _, name := range slices.Sorted(maps.Keys(unsigned().Header)) {
		r := unsigned()
		r.Header.Del(name)
		c.refused("no signature, and no header "+name, c.verifier, r)
	}
	if bare, query, ok := strings.Cut(unsigned().URL, "?"); ok {
		for name, rest := range parameters(query) {
			r := unsigned()
			r.URL = bare + "?" + rest
			c.refused("no signature, and no parameter "+name, c.verifier, r)
		}
	}
	for name, rest := range members(unsigned()) {
		r := unsigned()
		r.Body = []byte(rest)
		c.refused("no signature, and no member "+name+" of the body", c.verifier, r)
	}
}

// parameters maps each name of a query or form to the text without it.
func parameters(text string) map[string]string {
	all := map[string]string{}
	pairs := strings.Split(text, "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		all[name] = strings.Join(slices.Delete(slices.Clone(pairs), i, i+1), "&")
	}
	return all
}

// members maps each name in the body, a form or an object of JSON, to the body without it.
func members(r *provider.Request) map[string]string {
	if scheme.MediaOf(r.Header.Get("Content-Type")) == scheme.FormType {
		return parameters(string(r.Body))
	}
	all, object := map[string]string{}, map[string]json.RawMessage{}
	if json.Unmarshal(r.Body, &object) != nil {
		return nil
	}
	for name := range object {
		rest := maps.Clone(object)
		delete(rest, name)
		if text, err := json.Marshal(rest); err == nil {
			all[name] = string(text)
		}
	}
	return all
}
