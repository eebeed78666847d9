package scheme

import (
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme/key"
)

// A digestSpec is a plain hash of the body that the request names somewhere. It proves
// nothing alone; beside a signature over the place where it stands, it ties the body to it.
type digestSpec struct {
	In   string `yaml:"in" required:"true" doc:"Where the digest is: header:Name or query:name." example:"in: 'header:X-Acme-Digest'"`
	Hash string `yaml:"hash" words:"sha256 sha1 sha384 sha512 md5" doc:"The hash; sha256 unless it says otherwise." example:"in: 'header:X-Acme-Digest', hash: sha512"`
}

type digest struct {
	in    Template
	fresh func() hash.Hash
	name  string
}

func (s *digestSpec) Compile(c *Compiler) (Scheme, error) {
	d := &digest{name: key.HashName(s.Hash)}
	var err error
	if d.fresh, err = key.HashNamed(s.Hash); err != nil {
		return nil, err
	}
	if d.in, err = c.Selector(s.In); err != nil {
		return nil, err
	}
	if len(d.in.parts) != 1 || (d.in.parts[0].kind != "query" && d.in.parts[0].kind != "header") {
		return nil, fmt.Errorf("in: the digest stands in header:Name or query:name")
	}
	return d, nil
}

func (d *digest) Verify(x *Exchange) *Refusal {
	shown, ok := d.in.Value(x)
	if !ok {
		return &Refusal{NoSignature, d.Describe() + ": it is missing"}
	}
	if subtle.ConstantTimeCompare([]byte(strings.ToLower(shown)), []byte(d.sum(x))) != 1 {
		return &Refusal{BadSignature, d.Describe() + ": the body has another one"}
	}
	return nil
}

func (d *digest) sum(x *Exchange) string {
	h := d.fresh()
	h.Write(x.Request.Body)
	return hex.EncodeToString(h.Sum(nil))
}

func (d *digest) Sign(x *Exchange) error {
	if _, there := d.in.Value(x); there {
		return nil
	}
	if p := d.in.parts[0]; p.kind == "query" {
		x.addQuery(p.arg, d.sum(x))
	} else {
		x.Request.Header.Set(p.arg, d.sum(x))
	}
	return nil
}

func (d *digest) signs() *Template { return nil }

func (d *digest) Describe() string { return d.name + " of the body, hex, in " + d.in.String() }
