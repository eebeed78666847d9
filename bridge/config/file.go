package config

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/spelling"
)

// A document is the file while it is flattened into variables.
type document struct {
	*loading
	path string
}

// readFile flattens the file that HOOKSPAN_CONFIG names into values of the blocks.
func (l *loading) readFile() {
	path := l.environ[configVariable]
	if path == "" {
		return
	}
	l.cfg.Files = append(l.cfg.Files, path)
	text, err := os.ReadFile(path)
	if err != nil {
		l.problem(configVariable, reading(err))
		return
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		// Without the source: the line at fault may hold a secret.
		l.problem(path, "not YAML: "+yaml.FormatError(err, false, false))
		return
	}
	d := document{loading: l, path: path}
	switch len(file.Docs) {
	case 0:
	case 1:
		d.flatten(file.Docs[0].Body)
	default:
		l.problem(path, "has several documents; write one")
	}
}

// reading says why a file could not be read, without its content.
func reading(err error) string { return "read the file: " + err.Error() }

func (d document) flatten(root ast.Node) {
	for _, e := range d.entries(root, "") {
		switch e.key {
		case "sources":
			d.named(e, d.sources)
		case "endpoints":
			d.named(e, d.endpoints)
		default:
			d.setting(d.core, prefix, e)
		}
	}
}

// named reads a map from name to block.
func (d document) named(e entry, f family) {
	for _, one := range d.entries(e.value, e.path+".") {
		if !setting.ValidName(one.key) {
			d.problem(one.where, "name "+strconv.Quote(one.key)+": only a-z, 0-9 and - are allowed")
			continue
		}
		b := f.open(one.key, managedByFile)
		for _, setting := range d.entries(one.value, one.path+".") {
			d.setting(b, f.begin(one.key), setting)
		}
	}
}

// setting takes one key of a block.
func (d document) setting(b *block, begin string, e entry) {
	f, known := b.fields[begin+strings.ToUpper(e.key)]
	if !known || f.variable == configVariable || e.key != strings.ToLower(e.key) {
		d.problem(e.where, "unknown key; did you mean "+spelling.Nearest(e.key, d.keys(b, begin))+"?")
		return
	}
	if e.value == nil || e.value.Type() == ast.NullType {
		if f.Kind.Secret() {
			d.problem(e.where, "an empty secret; give one or remove the key")
		}
		return
	}
	text, err := d.text(f, e.value)
	nothing := err == nil && text == "" && f.twinOf == "" && !f.Kind.Secret()
	if nothing {
		err = f.Empty()
	}
	if err != nil {
		d.problem(e.where, err.Error())
	}
	if nothing || err != nil {
		return
	}
	one, _ := scalar(e.value)
	b.values[f.variable] = value{text: text, where: e.where, words: wordsOf(f, one)}
}

// keys lists the words of a block.
func (d document) keys(b *block, begin string) []string {
	var keys []string
	if b == d.core {
		keys = append(keys, "sources", "endpoints")
	}
	for _, f := range b.fields {
		if f.variable != configVariable {
			keys = append(keys, f.key(begin))
		}
	}
	return keys
}

// text is a node as a variable would have it; a list is marked as one.
func (d document) text(f field, n ast.Node) (string, error) {
	if list, ok := n.(*ast.SequenceNode); ok && f.Kind.List() {
		if len(list.Values) == 0 && !f.Kind.Secret() {
			return setting.NoItems, nil
		}
		return d.list(f, list)
	}
	if joint := f.Kind.Joint(); joint != "" && (n.Type() == ast.MappingType || n.Type() == ast.MappingValueType) {
		return d.pairs(n, joint)
	}
	if f.Kind == setting.KindObject {
		return d.object(n)
	}
	text, ok := scalar(n)
	if !ok {
		if f.Kind.List() {
			return "", setting.Wanted("one value or a list of values")
		}
		return "", setting.Wanted("one value")
	}
	switch f.Kind {
	case setting.KindSecrets:
		d.inClear(strings.Fields(text)...)
		return d.openWords(text)
	case setting.KindSecret:
		d.inClear(text)
		return d.open(text)
	case setting.KindLogin:
		if strings.Contains(text, "@") {
			d.inClear(text)
		}
		return d.open(text)
	}
	return text, nil
}

func (d document) list(f field, list *ast.SequenceNode) (string, error) {
	var b strings.Builder
	for _, n := range list.Values {
		item, ok := scalar(n)
		if !ok || strings.Contains(item, setting.ItemEnd) {
			return "", setting.Wanted("a list of single values")
		}
		if f.Kind == setting.KindSecrets {
			d.inClear(item)
			opened, err := d.open(item)
			if err != nil {
				return "", err
			}
			item = opened
		}
		b.WriteString(item + setting.ItemEnd)
	}
	return b.String(), nil
}

func (d document) pairs(n ast.Node, joint string) (string, error) {
	var b strings.Builder
	for _, e := range d.entries(n, "") {
		item, ok := scalar(e.value)
		if !ok || strings.Contains(item, setting.ItemEnd) {
			return "", setting.Wanted("single values")
		}
		b.WriteString(e.key + joint + item + setting.ItemEnd)
	}
	if b.Len() == 0 {
		return setting.NoItems, nil
	}
	return b.String(), nil
}

// object is what a node holds, as JSON. A text in it may refer to a secret, and is opened with the
// object: whether it does only that knows.
func (d document) object(n ast.Node) (string, error) {
	tree, err := d.tree(n)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(tree)
	return string(text), err
}

func (d document) tree(n ast.Node) (any, error) {
	switch v := n.(type) {
	case *ast.SequenceNode:
		list := make([]any, len(v.Values))
		for i := range v.Values {
			item, err := d.tree(v.Values[i])
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case *ast.MappingNode, *ast.MappingValueNode:
		members := map[string]any{}
		for _, e := range d.entries(n, "") {
			member, err := d.tree(e.value)
			if err != nil {
				return nil, err
			}
			members[e.key] = member
		}
		return members, nil
	case *ast.BoolNode:
		return v.Value, nil
	case *ast.IntegerNode:
		return v.Value, nil
	case *ast.FloatNode:
		return v.Value, nil
	case *ast.NullNode:
		return nil, nil
	}
	text, ok := scalar(n)
	if !ok {
		return nil, setting.Wanted("values, lists and maps")
	}
	if name, ok := strings.CutPrefix(text, envReference); ok {
		d.used[name] = true
	}
	return text, nil
}

// An entry is one key of a mapping.
type entry struct {
	key   string
	value ast.Node
	path  string // sources.shop.provider
	where string // hookspan.yaml:12 sources.shop.provider
}

// entries lists the keys of a mapping; anything else is reported, nothing is none.
func (d document) entries(n ast.Node, parent string) []entry {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return nil
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		d.problem(d.place(n, strings.TrimSuffix(parent, ".")), "want keys with values")
		return nil
	}
	var list []entry
	for _, v := range values {
		key := v.Key.GetToken().Value
		path := parent + key
		list = append(list, entry{key: key, value: v.Value, path: path, where: d.place(v.Key, path)})
	}
	return list
}

func (d document) place(n ast.Node, path string) string {
	where := fmt.Sprintf("%s:%d", d.path, n.GetToken().Position.Line)
	if path != "" {
		where += " " + path
	}
	return where
}

// scalar is the text of a single value as it was written.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}
