package signature

import (
	"embed"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/parser"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

//go:embed catalog/*.yaml
var embedded embed.FS

// A file is a scheme as catalog/*.yaml declares it. Its fields are the whole language beside that
// of scheme.Spec; an unknown one is an error.
type file struct {
	Secret  string            `yaml:"secret"` // a form of secret.go; none where nothing is signed
	Options []option          `yaml:"options"`
	Headers map[string]string `yaml:"headers"` // sent beside the signature; see sentValues
	Spec    scheme.Spec       `yaml:",inline"`

	text []byte
}

// An option is a setting of one scheme.
type option struct {
	Name    string   `yaml:"name"`
	Default string   `yaml:"default"`
	Values  []string `yaml:"values"` // all that are allowed; empty is anything of its form
	Form    string   `yaml:"form"`   // one of forms
}

// files reads the catalogue once; a mistake in it is one of this program, which tests find.
var files = sync.OnceValue(func() map[string]*file {
	all := map[string]*file{}
	entries, err := embedded.ReadDir("catalog")
	for _, e := range entries {
		f := &file{}
		if f.text, err = embedded.ReadFile("catalog/" + e.Name()); err == nil {
			*f, err = f.read(nil)
		}
		if err == nil {
			err = f.check()
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", e.Name(), err)
			break
		}
		all[strings.TrimSuffix(e.Name(), path.Ext(e.Name()))] = f
	}
	if err != nil {
		panic(fmt.Sprintf("signature: read the catalogue: %v", err))
	}
	return all
})

// sentValues are those that a header beside the signature may have.
var sentValues = []string{"type", "delivery", "timestamp"}

// check refuses words that nothing reads.
func (f *file) check() error {
	if _, known := secretForms[f.Secret]; !known && f.Secret != "none" {
		return fmt.Errorf("secret: %q is unknown, use none, %s", f.Secret, strings.Join(slices.Sorted(maps.Keys(secretForms)), ", "))
	}
	for _, o := range f.Options {
		if _, known := forms[o.Form]; !known && o.Form != "" {
			return fmt.Errorf("options: %s: form %q is unknown, use %s", o.Name, o.Form, strings.Join(slices.Sorted(maps.Keys(forms)), ", "))
		}
	}
	for name, value := range f.Headers {
		if !slices.Contains(sentValues, value) {
			return fmt.Errorf("headers: %s: %q is unknown, use %s", name, value, strings.Join(sentValues, ", "))
		}
	}
	return nil
}

// read fills the values of options in, where there are any yet.
func (f *file) read(values map[string]string) (file, error) {
	out := file{text: f.text}
	tree, err := parser.ParseBytes(f.text, 0)
	if err != nil {
		return out, err
	}
	root := tree.Docs[0].Body
	if values != nil {
		if err := declaration.Expand(root, values); err != nil {
			return out, err
		}
	}
	return out, declaration.DecodeNode(root, &out)
}

// values are those of all options, the endpoint's own or the defaults.
func (f *file) values(given map[string]string) (map[string]string, error) {
	values := map[string]string{}
	for _, o := range f.Options {
		value := given[o.Name]
		if value == "" {
			value = o.Default
		}
		if len(o.Values) > 0 && !slices.Contains(o.Values, value) {
			return nil, fieldErrorf("options."+o.Name, "%.40q is unknown, use %s", value, strings.Join(o.Values, ", "))
		}
		if check := forms[o.Form]; check != nil {
			read, fault := check(value)
			if fault != "" {
				return nil, fieldErrorf("options."+o.Name, "%s", fault)
			}
			value = read
		}
		values[o.Name] = value
	}
	return values, nil
}

// templateValues are those that a template may name beside headers, and what they stand for.
var templateValues = map[string]string{
	"id": "header:" + idHeader, "timestamp": "header:" + timeHeader,
	"body": "body", "url": "url", "method": "method", "secret": "secret",
}

func (f *file) compile(values map[string]string, secrets []string) (*Scheme, error) {
	filled, err := f.read(values)
	if err != nil {
		return nil, fieldErrorf("options", "%s", err)
	}
	s := &Scheme{}
	for name, value := range filled.Headers {
		s.headers = append(s.headers, header{http.CanonicalHeaderKey(name), value})
	}
	if len(filled.Spec.Verify) == 0 {
		return s, nil
	}
	c := &scheme.Compiler{Setup: &scheme.Setup{Set: pointer.NewSet(), Secrets: secrets}, Values: templateValues}
	if s.proof, err = c.Proof(filled.Spec, []string{http.MethodPost}, false); err != nil {
		return nil, fieldErrorf("options", "%s", err)
	}
	return s, nil
}
