package config

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/spelling"
)

// Where a source or an endpoint was defined.
const (
	managedByEnv  = "env"
	managedByFile = "file"
)

// takeNames makes a block for every source and endpoint that the environment lists. One that
// the file defines too becomes the environment's.
func (l *loading) takeNames() {
	for _, f := range l.families() {
		for _, name := range setting.Items(l.environ[f.list], ",") {
			switch b := f.blocks[name]; {
			case !setting.ValidName(name):
				l.problem(f.list, "name "+strconv.Quote(name)+": only a-z, 0-9 and - are allowed")
			case b == nil:
				f.open(name, managedByEnv)
			case b.managedBy == managedByEnv:
				l.problem(f.list, "name "+strconv.Quote(name)+" is listed twice")
			default:
				b.managedBy = managedByEnv
			}
		}
	}
}

// takeVariables puts every variable of ours into its block, over what the file says there.
func (l *loading) takeVariables() {
	for _, variable := range slices.Sorted(maps.Keys(l.environ)) {
		if !strings.HasPrefix(variable, prefix) || l.foreign(variable) {
			continue
		}
		b, f := l.find(variable)
		text := l.environ[variable]
		switch {
		case b == nil:
		case strings.Contains(text, setting.ItemEnd):
			l.problem(variable, "holds a NUL byte")
		case text != "" || f.Kind.Secret(): // an empty one is as good as none, but for a secret
			b.replace(f, value{text: text, where: variable, words: wordsOf(f, text)})
		}
	}
}

// foreign reports variables that are not settings: lists of names, those of other commands, and
// what Kubernetes sets for a Service called hookspan.
func (l *loading) foreign(variable string) bool {
	switch variable {
	case sourcesVariable, endpointsVariable, serverVariable:
		return true
	}
	return strings.HasPrefix(variable, prefix+"SERVICE_") || strings.HasPrefix(variable, prefix+"PORT")
}

// unread reports a variable that no setting has, unless the file refers to it.
func (l *loading) unread(variable, what string) {
	if !l.used[variable] {
		l.problem(variable, what)
	}
}

// find returns the block and the field of a variable. One that nothing reads is reported, and
// the block is nil.
func (l *loading) find(variable string) (*block, field) {
	if f, known := l.core.fields[variable]; known {
		return l.core, f
	}
	known := append(slices.Collect(maps.Keys(l.core.fields)), sourcesVariable, endpointsVariable)
	for _, family := range l.families() {
		if !strings.HasPrefix(variable, family.prefix) {
			continue
		}
		b := family.of(variable)
		if b == nil {
			rest := strings.TrimPrefix(variable, family.prefix)
			l.unread(variable, "no "+family.word+" has a name that "+strconv.Quote(rest)+" begins with; add its name to "+family.list)
			return nil, field{}
		}
		if f, known := b.fields[variable]; known {
			return b, f
		}
		known = slices.Collect(maps.Keys(b.fields))
	}
	l.unread(variable, "unknown variable; did you mean "+spelling.Nearest(variable, known)+"?")
	return nil, field{}
}

// of finds the block that a variable belongs to: a name may begin with another one, and the
// longest wins. Nil: there is none of that name.
func (f family) of(variable string) *block {
	longest := ""
	for name := range f.blocks {
		if strings.HasPrefix(variable, f.begin(name)) && len(name) > len(longest) {
			longest = name
		}
	}
	return f.blocks[longest]
}

// replace sets a variable over what the file said: a secret and its _FILE twin are one setting.
func (b *block) replace(f field, v value) {
	twin := f.variable + fileSuffix
	if f.twinOf != "" {
		twin = f.twinOf
	}
	if old, ok := b.values[twin]; ok && old.where != twin {
		delete(b.values, twin)
	}
	b.values[f.variable] = v
}
