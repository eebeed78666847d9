package provider

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

//go:embed catalog/*.yaml
var embedded embed.FS

// A Catalog is every provider that this process knows. It does not change after Load and is
// safe for concurrent use.
type Catalog struct{ providers map[string]*Provider }

// A Provider is one webhook system, as its file declares it.
type Provider struct {
	Name, Title          string
	Verified, Unverified []string // facts about it, with where they come from
	Secrets              string   // what a source's secret is, in words
	Methods              []string // of deliveries
	MediaTypes           []string // of deliveries; informative
	Options              []Option

	path string // of its file, for errors
	text []byte
}

// Load reads the embedded catalogue and then the *.yaml, *.yml and *.json files of userDir, which
// add providers or replace those of the same name. userDir may be empty. Every file is compiled, so that
// a mistake shows at start; the error joins those of all files, each with its place.
func Load(userDir string) (*Catalog, error) {
	c := &Catalog{providers: map[string]*Provider{}}
	sub, err := fs.Sub(embedded, "catalog")
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	if err := c.add(sub, "catalog"); err != nil {
		return nil, err
	}
	if userDir == "" {
		return c, nil
	}
	if _, err := os.Stat(userDir); err != nil {
		return nil, fmt.Errorf("read the directory of providers: %w", err)
	}
	return c, c.add(os.DirFS(userDir), userDir)
}

func (c *Catalog) add(dir fs.FS, where string) error {
	names, err := filesIn(dir)
	if err != nil {
		return fmt.Errorf("read the providers of %s: %w", where, err)
	}
	var faults []error
	stems := map[string]string{}
	for _, name := range names {
		stem := stemOf(name)
		if other, twice := stems[stem]; twice {
			faults = append(faults, fmt.Errorf("provider file %s: %s is the same provider; keep one of them", path.Join(where, name), other))
			continue
		}
		stems[stem] = name
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			faults = append(faults, fmt.Errorf("read the provider: %w", err))
			continue
		}
		p, err := parse(path.Join(where, name), text)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		c.providers[p.Name] = p
	}
	return errors.Join(faults...)
}

func filesIn(dir fs.FS) (names []string, err error) {
	for _, pattern := range [...]string{"*.yaml", "*.yml", "*.json"} {
		found, err := fs.Glob(dir, pattern)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	return names, nil
}

func stemOf(name string) string { return strings.TrimSuffix(path.Base(name), path.Ext(name)) }

// Names returns the names of all providers in order.
func (c *Catalog) Names() []string { return slices.Sorted(maps.Keys(c.providers)) }

// Provider returns a provider by name.
func (c *Catalog) Provider(name string) (*Provider, bool) {
	p, ok := c.providers[name]
	return p, ok
}

func parse(where string, text []byte) (*Provider, error) {
	p := &Provider{path: where, text: text}
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	// The options must be known before the rest can be read.
	var head struct {
		Options []Option `yaml:"options"`
	}
	if err := decodeSection(root, "options", &head.Options); err != nil {
		return nil, p.fault(err)
	}
	f, err := p.file(examples(head.Options), head.Options, "example")
	if err != nil {
		return nil, err
	}
	if f.Name != stemOf(where) || strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, p.fault(fmt.Errorf("name: %q must be that of the file, in a-z, 0-9 and -", f.Name))
	}
	p.Name, p.Title, p.Secrets = f.Name, f.Title, f.Secrets
	p.Verified, p.Unverified = f.Verified, f.Unverified
	p.Methods, p.MediaTypes, p.Options = f.methods(), f.MediaTypes, f.Options
	dry := &compiler{dry: true, options: examples(f.Options), secrets: []string{"dry"}, cfg: Config{Source: "example"}}
	if _, err := dry.verifier(p, f); err != nil {
		return nil, p.fault(err)
	}
	return p, p.checkSamples(f)
}

func (p *Provider) fault(err error) error {
	return fmt.Errorf("provider file %s: %w", p.path, err)
}

// root parses the file; JSON is YAML too.
func (p *Provider) root() (ast.Node, error) {
	tree, err := parser.ParseBytes(bytes.TrimPrefix(p.text, byteOrderMark), 0)
	if err != nil {
		return nil, p.fault(err)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, p.fault(errors.New("it must hold one YAML document"))
	}
	return tree.Docs[0].Body, nil
}

// file reads the declaration anew, with the values of options filled in.
func (p *Provider) file(values map[string]string, declared []Option, source string) (*file, error) {
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	values = maps.Clone(values)
	values["source"] = source
	if err := expand(root, declared, values); err != nil {
		return nil, p.fault(err)
	}
	f := &file{}
	if err := decodeNode(root, f); err != nil {
		return nil, p.fault(err)
	}
	return f, nil
}

func decodeSection(root ast.Node, name string, to any) error {
	members, err := mapping(root)
	if err != nil {
		return err
	}
	for _, member := range members {
		if keyOf(member) == name {
			return decodeNode(member.Value, to)
		}
	}
	return nil
}

func (f *file) methods() []string {
	if len(f.Methods) == 0 {
		return []string{"POST"}
	}
	return f.Methods
}
