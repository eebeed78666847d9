package jq

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/itchyny/gojq"
)

// Limits of a regular expression.
const (
	maxPattern    = 1000 // bytes
	maxProgram    = 2000 // instructions
	patternSteps  = 1000 // to compile a byte of one that does not stand in the text
	programFactor = 8    // instructions that look at a character in a step
)

// An expression is a regular expression. It is compiled with the jq expression that it stands in, or
// else each time that it is used.
type expression struct {
	*regexp.Regexp
	size int // instructions
}

// matchers are the functions whose first argument is a regular expression, and their second one flags.
var matchers = []string{"test", "match", "capture", "scan", "split", "splits", "sub", "gsub"}

// literal compiles the regular expression of a call where it stands in the text.
func (c *compiler) literal(f *gojq.Func) {
	if !slices.Contains(matchers, f.Name) || len(f.Args) == 0 || f.Name == "split" && len(f.Args) == 1 {
		return
	}
	text, ok := literal(f.Args[0])
	if !ok {
		return
	}
	flags := ""
	if at := map[bool]int{true: 2, false: 1}[strings.HasSuffix(f.Name, "sub")]; len(f.Args) > at {
		if flags, ok = literal(f.Args[at]); !ok {
			return
		}
	}
	x, flaw := compilePattern(text, flags)
	if flaw != "" {
		c.fault(f.Name, "%s %s", f.Name, flaw)
		return
	}
	c.regexps[patternKey(text, flags)] = x
}

// literal is a text that stands in an expression.
func literal(q *gojq.Query) (string, bool) {
	if q.Term == nil || q.Term.Type != gojq.TermTypeString || q.Term.Str == nil || q.Term.Str.Queries != nil || len(q.Term.SuffixList) > 0 || len(q.FuncDefs) > 0 {
		return "", false
	}
	return q.Term.Str.Str, true
}

// patternKey: that all matches are wanted makes no other expression.
func patternKey(text, flags string) string { return strings.ReplaceAll(flags, "g", "") + "/" + text }

// compilePattern bounds how large a program becomes before it is made.
func compilePattern(text, flags string) (*expression, string) {
	mode := ""
	for _, f := range flags {
		switch f {
		case 'g':
		case 'i':
			mode += "i"
		case 'm':
			mode += "s"
		default:
			return nil, "has a flag that is none of g, i and m"
		}
	}
	if mode != "" {
		text = "(?" + mode + ")" + text
	}
	if len(text) > maxPattern {
		return nil, "has a regular expression that is too long"
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, "has a regular expression that cannot be read"
	}
	size := programSize(tree)
	if size > maxProgram {
		return nil, "has a regular expression that is too large"
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, "has a regular expression that cannot be read"
	}
	return &expression{re, size}, ""
}

// programSize is at least about how many instructions an expression becomes; what is too much is cut.
func programSize(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)/2
	for _, sub := range re.Sub {
		n = min(n+programSize(sub), maxProgram+1)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, maxProgram+1)
}

// pattern is a regular expression that a call is given.
func (m *machine) pattern(text, flags any) (*expression, bool, error) {
	t, ok := text.(string)
	f, also := flags.(string)
	if !ok || !also && flags != nil {
		return nil, false, throw("a regular expression and its flags are strings")
	}
	all := strings.Contains(f, "g")
	if x := m.regexps[patternKey(t, f)]; x != nil {
		return x, all, nil
	}
	if err := m.spend(patternSteps * (len(t) + 1)); err != nil {
		return nil, false, err
	}
	x, flaw := compilePattern(t, f)
	if flaw != "" {
		return nil, false, throw(flaw)
	}
	return x, all, nil
}

func (m *machine) search(x *expression, s string, times int) error {
	return m.spend(1 + times*(len(s)/programFactor+1)*x.size)
}

// test reports whether a text has a match.
func test(m *machine, in any, args []any) (any, error) {
	s, x, _, err := m.matching(in, args)
	if err != nil {
		return nil, err
	}
	if err := m.search(x, s, 1); err != nil {
		return nil, err
	}
	return x.MatchString(s), nil
}

func (m *machine) matching(in any, args []any) (s string, x *expression, all bool, err error) {
	s, ok := in.(string)
	if !ok {
		return "", nil, false, throw("a value of type " + typeOf(in) + " is no text to be matched")
	}
	text, flags := args[0], any(nil)
	if len(args) > 1 {
		flags = args[1]
	}
	if both, ok := text.([]any); ok && len(both) == 2 && flags == nil {
		text, flags = both[0], both[1]
	}
	x, all, err = m.pattern(text, flags)
	return s, x, all, err
}

// matches are the first match or all, each an object.
func matches(m *machine, in any, args []any) (any, error) {
	s, x, all, err := m.matching(in, args)
	if err != nil {
		return nil, err
	}
	found, err := m.find(x, s, all)
	if err != nil {
		return nil, err
	}
	list := make([]any, len(found))
	names := x.SubexpNames()
	at, character := 0, 0
	for i, f := range found {
		character += utf8.RuneCountInString(s[at:f[0]])
		at = f[0]
		if err := m.spend(8 + 8*len(names) + len(s)/bytesPerStep); err != nil {
			return nil, err
		}
		captures := make([]any, len(names)-1)
		for j := 1; j < len(names); j++ {
			captures[j-1] = capture(s, names[j], f[2*j], f[2*j+1], character, at)
		}
		list[i] = &Object{[]member{
			{"captures", captures}, {"length", utf8.RuneCountInString(s[f[0]:f[1]])}, {"offset", character}, {"string", s[f[0]:f[1]]},
		}}
	}
	return list, nil
}

// capture is a part of a match, which begins at a place where so many characters lie before it.
func capture(s, name string, begin, end, characters, at int) *Object {
	o := &Object{[]member{{"length", 0}, {"name", nil}, {"offset", -1}, {"string", nil}}}
	if name != "" {
		o.members[1].value = name
	}
	if begin >= 0 {
		o.members[0].value = utf8.RuneCountInString(s[begin:end])
		o.members[2].value = characters + utf8.RuneCountInString(s[at:begin])
		o.members[3].value = s[begin:end]
	}
	return o
}

// find looks for more and more matches, so that what it costs is known before.
func (m *machine) find(x *expression, s string, all bool) ([][]int, error) {
	for n := 1; ; n *= 4 {
		if err := m.search(x, s, n); err != nil {
			return nil, err
		}
		found := x.FindAllStringSubmatchIndex(s, n)
		if len(found) < n || !all {
			return found, nil
		}
	}
}
