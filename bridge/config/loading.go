package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// A loading is one run of Load: what was read so far and what was wrong with it.
type loading struct {
	cfg      *Config
	environ  map[string]string
	problems Problems

	core      *block // every setting of the process
	sources   family
	endpoints family
	used      map[string]bool // variables that the file refers to
}

// A family is all blocks of one sort of named thing.
type family struct {
	word     string            // source
	list     string            // variable that lists the names
	prefix   string            // of the variables of all of them
	settings any               // the struct that declares them
	blocks   map[string]*block // by name
}

// A block is the settings of one thing (the process, a source, an endpoint) before they are
// decoded.
type block struct {
	managedBy string // of a source or endpoint: env or file
	fields    map[string]field
	values    map[string]value // by variable
}

// A value is the text of a setting, and where its author finds it.
type value struct {
	text, where string
	words       int // of secrets that were given as one text, which spaces take apart
}

// What the variables of all sources, and of all endpoints, begin with.
const (
	sourcePrefix   = prefix + "SOURCE_"
	endpointPrefix = prefix + "ENDPOINT_"
)

// Lists of names, and the variables that are no settings of a server.
const (
	sourcesVariable   = prefix + "SOURCES"
	endpointsVariable = prefix + "ENDPOINTS"
	configVariable    = prefix + "CONFIG"
	serverVariable    = prefix + "SERVER"
)

func newLoading(environ []string) *loading {
	l := &loading{
		cfg:       &Config{},
		environ:   map[string]string{},
		core:      newBlock(""),
		sources:   family{"source", sourcesVariable, sourcePrefix, &receiver.Source{}, map[string]*block{}},
		endpoints: family{"endpoint", endpointsVariable, endpointPrefix, &endpoint.Settings{}, map[string]*block{}},
		used:      map[string]bool{},
	}
	for _, pair := range environ {
		if name, text, found := strings.Cut(pair, "="); found {
			l.environ[name] = text
		}
	}
	for _, g := range l.cfg.groups() {
		l.core.add(fieldsOf(g.prefix, g.into))
	}
	return l
}

func newBlock(managedBy string) *block {
	return &block{managedBy: managedBy, fields: map[string]field{}, values: map[string]value{}}
}

func (b *block) add(fields []field) {
	for _, f := range fields {
		b.fields[f.variable] = f
		if f.Kind.Secret() {
			b.fields[f.variable+fileSuffix] = field{variable: f.variable + fileSuffix, twinOf: f.variable}
		}
	}
}

// where says where the author of a setting finds it; a default is found at its variable.
func (b *block) where(variable string) string {
	if v, ok := b.values[variable]; ok {
		return v.where
	}
	return variable
}

// begin is what the variables of one of the family begin with.
func (f family) begin(name string) string {
	return f.prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_"
}

// open makes a block for a name.
func (f family) open(name, managedBy string) *block {
	b := newBlock(managedBy)
	b.add(fieldsOf(f.begin(name), f.settings))
	f.blocks[name] = b
	return b
}

func (f family) names() []string { return slices.Sorted(maps.Keys(f.blocks)) }

func (l *loading) families() []family { return []family{l.sources, l.endpoints} }

// blocks lists every block in a steady order.
func (l *loading) blocks() []*block {
	all := []*block{l.core}
	for _, f := range l.families() {
		for _, name := range f.names() {
			all = append(all, f.blocks[name])
		}
	}
	return all
}

// places are where every setting was given.
func (l *loading) places() map[string]string {
	places := map[string]string{}
	for _, b := range l.blocks() {
		for variable, v := range b.values {
			places[variable] = v.where
		}
	}
	return places
}

func (l *loading) problem(where, what string) {
	l.problems = append(l.problems, Problem{Where: where, What: what})
}

// faulty reports a place that has a problem already; its value was not read.
func (l *loading) faulty(where string) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Where == where })
}

func (l *loading) warn(where, what string) {
	l.cfg.Warnings = append(l.cfg.Warnings, Problem{Where: where, What: what})
}
