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
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/declaration"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

//go:embed catalog/*.yaml
var embedded embed.FS

// A Catalog is every provider that this process knows. It does not change after Load and is
// safe for concurrent use.
type Catalog struct {
	entries  map[string]*entry
	detector func() *detector // made once, when somebody first asks whose a request is
}

func newCatalog() *Catalog {
	c := &Catalog{entries: map[string]*entry{}}
	c.detector = sync.OnceValue(c.newDetector)
	return c
}

// An entry is a provider's file. It is parsed when somebody first asks for it: a process
// uses a few of the many that there are.
type entry struct {
	text  []byte
	own   bool // the operator's, and not the catalogue's
	parse func() (*Provider, error)
}

// A Provider is one webhook system, as its file declares it.
type Provider struct {
	Name, Title          string
	Like                 string   // the provider that it builds on, "" for none
	Verified, Unverified []string // facts about it, with where they come from
	Secrets              string   // what a source's secret is, in words
	Methods              []string // of deliveries
	MediaTypes           []string // of deliveries; informative
	Options              []Option
	Publishes            bool  // the sender's keys are fetched where a source has none
	Proof                Proof // what can at best be known of a request, with the options' own defaults

	named named // headers that the file names

	path string // of its file, for errors
	text []byte
	base []byte // the text of the provider that it builds on, nil for none
	last atomic.Pointer[filled]
}

// Load reads the embedded catalogue and then the *.yaml, *.yml and *.json files of userDir, which
// add providers or replace those of the same name. userDir may be empty. Every file of userDir is
// compiled, so that a mistake shows at start; the error joins those of all files, each with its
// place. Those of the catalogue are compiled when they are asked for.
func Load(userDir string) (*Catalog, error) {
	c := newCatalog()
	sub, err := fs.Sub(embedded, "catalog")
	if err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	if err := c.add(sub, "catalog", false); err != nil {
		return nil, err
	}
	if userDir == "" {
		return c, nil
	}
	if _, err := os.ReadDir(userDir); err != nil {
		return nil, fmt.Errorf("read the directory of providers: %w", err)
	}
	own := newCatalog()
	maps.Copy(own.entries, c.entries)
	if err := own.add(os.DirFS(userDir), userDir, true); err != nil {
		return own, err
	}
	var faults []error
	for _, name := range own.Names() {
		if e := own.entries[name]; e.own {
			_, err := e.parse()
			faults = append(faults, err)
		}
	}
	return own, errors.Join(faults...)
}

// Files are the provider files in a folder, by their paths; none where it cannot be read.
func Files(dir string) (paths []string) {
	if dir == "" {
		return nil
	}
	names, err := filesIn(os.DirFS(dir))
	if err != nil {
		return nil
	}
	for _, name := range names {
		paths = append(paths, filepath.Join(dir, name))
	}
	return paths
}

// add takes up the files of one folder, unread but for their names.
func (c *Catalog) add(dir fs.FS, where string, own bool) error {
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
		c.entries[stem] = &entry{text, own, sync.OnceValues(func() (*Provider, error) {
			return c.parse(path.Join(where, name), text)
		})}
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
func (c *Catalog) Names() []string { return slices.Sorted(maps.Keys(c.entries)) }

// Provider returns a provider by name. A file of the catalogue that does not compile is a
// fault of this program, which its tests find; it panics.
func (c *Catalog) Provider(name string) (*Provider, bool) {
	e, ok := c.entries[name]
	if !ok {
		return nil, false
	}
	p, err := e.parse()
	if err != nil {
		panic(err)
	}
	return p, true
}

// Read reads the text of a file that is not in the catalogue, which it may build on. The name of
// the file is that of the provider; errors begin with it and name the place.
func (c *Catalog) Read(file string, text []byte) (*Provider, error) {
	return c.parse(filepath.ToSlash(file), text)
}

func (c *Catalog) parse(where string, text []byte) (*Provider, error) {
	p := &Provider{path: where, text: text}
	root, err := p.document(text)
	if err != nil {
		return nil, err
	}
	if p.base, err = c.baseOf(root); err != nil {
		return nil, p.fault(err)
	}
	if root, err = p.root(); err != nil {
		return nil, err
	}
	options, err := declaredOptions(root) // they must be known before the rest can be read
	if err != nil {
		return nil, p.fault(err)
	}
	f, err := p.file(examples(options), options, "example")
	if err != nil {
		return nil, err
	}
	if f.Name != stemOf(where) || strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, p.fault(fmt.Errorf("name: %q must be that of the file, in a-z, 0-9 and -", f.Name))
	}
	p.Name, p.Title, p.Like, p.Secrets = f.Name, f.Title, f.Like, f.Secrets
	p.Verified, p.Unverified = f.Verified, f.Unverified
	p.Methods, p.MediaTypes, p.Options = f.methods(), f.MediaTypes, options
	dry := &scheme.Compiler{Dry: true, Options: examples(options), Setup: &scheme.Setup{Set: pointer.NewSet(), Secrets: []string{"dry"}}}
	v, err := p.verifier(dry, f, Config{Source: "example"})
	if err != nil {
		return nil, p.fault(err)
	}
	p.Proof, p.Publishes = v.Proof(), f.Proof.Publishes()
	p.named = v.named().without(options)
	return p, p.checkSamples(f)
}

// baseOf returns the text of the provider that a file builds on.
func (c *Catalog) baseOf(root ast.Node) ([]byte, error) {
	name, err := like(root)
	if name == "" || err != nil {
		return nil, err
	}
	base, known := c.entries[name]
	if !known {
		return nil, fmt.Errorf("like: there is no provider %q", name)
	}
	document, err := (&Provider{path: name}).document(base.text)
	if err != nil {
		return nil, fmt.Errorf("like: %w", err)
	}
	if next, _ := like(document); next != "" {
		return nil, fmt.Errorf("like: %s builds on %s itself; name that one", name, next)
	}
	return base.text, nil
}

func (p *Provider) fault(err error) error {
	return fmt.Errorf("provider file %s: %w", p.path, err)
}

// root parses the file, over the one that it builds on.
func (p *Provider) root() (ast.Node, error) {
	own, err := p.document(p.text)
	if err != nil || p.base == nil {
		return own, err
	}
	base, err := p.document(p.base)
	if err != nil {
		return nil, err
	}
	if err := overlay(base, own); err != nil {
		return nil, p.fault(err)
	}
	return base, nil
}

// document parses one text; JSON is YAML too.
func (p *Provider) document(text []byte) (ast.Node, error) {
	tree, err := parser.ParseBytes(bytes.TrimPrefix(text, pointer.ByteOrderMark), 0)
	if err != nil {
		return nil, p.fault(err)
	}
	if len(tree.Docs) != 1 || tree.Docs[0].Body == nil {
		return nil, p.fault(errors.New("it must hold one YAML document"))
	}
	return tree.Docs[0].Body, nil
}

// file is the declaration with the values of options filled in. The one that was read last is
// kept, because whoever asks usually asks for the same again; nobody changes it.
func (p *Provider) file(values map[string]string, declared []Option, source string) (*file, error) {
	values = maps.Clone(values)
	values["source"] = source
	if last := p.last.Load(); last != nil && maps.Equal(last.values, values) {
		return last.file, nil
	}
	f, err := p.read(values, declared)
	if err == nil {
		p.last.Store(&filled{values, f})
	}
	return f, err
}

// A filled is a declaration and the values that were filled in.
type filled struct {
	values map[string]string
	file   *file
}

func (p *Provider) read(values map[string]string, declared []Option) (*file, error) {
	root, err := p.root()
	if err != nil {
		return nil, err
	}
	if err := expand(root, declared, values); err != nil {
		return nil, p.fault(err)
	}
	f := &file{}
	if err := declaration.DecodeNode(root, f); err != nil {
		return nil, p.fault(err)
	}
	return f, nil
}

func decodeSection(root ast.Node, name string, to any) error {
	members, err := declaration.Mapping(root)
	if err != nil {
		return err
	}
	for _, member := range members {
		if declaration.KeyOf(member) == name {
			return declaration.DecodeNode(member.Value, to)
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
