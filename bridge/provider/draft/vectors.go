package draft

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/vector"
)

const sampleURL = "https://hooks.example.com/webhooks/shop"

// invented is a secret of the form of the true one. It is always the same for a provider.
func (d *drafting) invented() string {
	sum := sha256.Sum256([]byte("an invented secret of " + d.Provider))
	switch {
	case d.way.key == "base64":
		return d.way.keyPrefix + base64.StdEncoding.EncodeToString(sum[:])
	case d.way.key == "hex":
		return hex.EncodeToString(sum[:])
	case d.way.token == "basic":
		return "invented:" + hex.EncodeToString(sum[:16])
	}
	return "invented-" + hex.EncodeToString(sum[:16])
}

// writeVectors makes the file of vectors: the request that was proven, signed anew with an invented
// secret, because the true one belongs into no file.
func (d *drafting) writeVectors(p *provider.Provider) error {
	f, err := d.vectors(p)
	if err != nil {
		d.note(NotFound, "vectors: %v", err)
		return nil
	}
	if o := f.Check(p, f.Vectors[0]); len(o.Faults) > 0 {
		d.note(NotFound, "vectors: the request that was signed anew does not hold: %s", strings.Join(o.Faults, "; "))
		return nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(f); err != nil {
		return fmt.Errorf("write the vectors: %w", err)
	}
	if d.reveals(b.String()) {
		d.note(NotFound, "vectors: the request shows the secret that was given")
		return nil
	}
	d.Vectors = b.Bytes()
	return nil
}

func (d *drafting) vectors(p *provider.Provider) (*vector.File, error) {
	at, secret := d.sentAt(), d.invented()
	s, err := p.Sample(provider.SampleRequest{Secret: secret, URL: d.sampleURL(), Body: d.request.Body, Now: at, Seq: 1})
	if err != nil {
		return nil, err
	}
	v := vector.Vector{ID: d.sampleType(), Headers: map[string]string{}, Body: string(s.Body), Secrets: []string{secret}, Received: at}
	if s.Method != "POST" {
		v.Method = s.Method
	}
	if s.URL != sampleURL {
		v.URL = s.URL
	}
	for name := range s.Header {
		v.Headers[name] = s.Header.Get(name)
	}
	v.Expected = d.expected(v, secret)
	f := &vector.File{Provider: d.Provider, UnsignedBody: d.way.token != ""}
	if d.way.time != "" {
		f.Tolerance = "5m"
	}
	verifier, err := v.Compile(p)
	if err != nil {
		return nil, err
	}
	verdict, err := verifier.Verify(v.Request())
	if err != nil {
		return nil, err
	}
	if len(verdict.Events) == 0 {
		return nil, fmt.Errorf("the request means no event")
	}
	e := &verdict.Events[0]
	v.Want = vector.Want{ID: e.ID, Type: e.Type, Source: e.Source, DataContentType: e.DataContentType, Time: e.Time, Invalid: verdict.Invalid != ""}
	if e.Subject != "" {
		v.Want.Subject = &e.Subject
	}
	if d.event.whole {
		v.Want.Events = len(verdict.Events)
	} else if data := string(e.Data); data != v.Body {
		v.Want.Data = &data
	}
	if f.Vectors = []vector.Vector{v}; f.Tolerance != "" {
		f.Vectors[0].Tolerance = f.Tolerance
	}
	return f, nil
}

// sampleURL is the URL that is signed anew, without the parameter that proves it.
func (d *drafting) sampleURL() string {
	proof, inQuery := strings.CutPrefix(d.way.in+d.way.token, "query:")
	if !strings.Contains(d.way.content, "{url}") && !inQuery && !strings.HasPrefix(d.event.id+d.event.kind, "query:") && len(d.request.Body) > 0 {
		return sampleURL
	}
	bare, raw, has := strings.Cut(d.request.URL, "?")
	if bare == "" || d.reveals(bare) {
		bare = sampleURL
	}
	if !has {
		return bare
	}
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		if name, _, _ := strings.Cut(pair, "="); (!inQuery || name != proof) && !d.reveals(pair) {
			kept = append(kept, pair)
		}
	}
	query := strings.Join(kept, "&")
	if query == "" || d.reveals(query) { // a secret may hold & itself
		return bare
	}
	return bare + "?" + query
}

// expected is the signature or token as it stands in its header or in the query.
func (d *drafting) expected(v vector.Vector, secret string) string {
	w, line := d.way, v.Headers[d.way.header]
	parameter, inQuery := strings.CutPrefix(w.in+w.token, "query:")
	switch {
	case inQuery:
		_, raw, _ := strings.Cut(v.URL, "?")
		for pair := range strings.SplitSeq(raw, "&") {
			if text, found := strings.CutPrefix(pair, parameter+"="); found {
				return text
			}
		}
		return ""
	case w.token == "basic":
		return base64.StdEncoding.EncodeToString([]byte(secret))
	case w.token == "bearer", strings.HasPrefix(w.token, "header:"):
		return secret
	case w.version != "":
		return strings.TrimPrefix(line, w.version+",")
	case w.item == "":
		return strings.TrimPrefix(line, w.prefix)
	}
	for entry := range strings.SplitSeq(line, w.separator) {
		if text, found := strings.CutPrefix(strings.TrimSpace(entry), w.item+"="); found {
			return text
		}
	}
	return ""
}
