package language

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// introduction is what no field can say; a complete file is part of it.
//
//go:embed introduction.md
var introduction string

// Page is the reference in Markdown.
func (l *Language) Page() string {
	var b strings.Builder
	b.WriteString(introduction)
	writeTerms(&b, "## Values", "What stands in braces in a template.", "`{", "}`", l.Values)
	writeTerms(&b, "## Filters", "What is done with a value, as in `{json:/resource|parent}`.", "`|", "`", l.Filters)
	for _, s := range l.Sections {
		l.write(&b, s)
	}
	writeTerms(&b, "## Placeholders", "What stands in the texts of a sample.", "`${", "}`", l.Placeholders)
	return b.String()
}

func writeTerms(b *strings.Builder, title, doc, begin, end string, terms []declaration.Term) {
	fmt.Fprintf(b, "\n%s\n\n%s\n\n| value | meaning | example |\n|---|---|---|\n", title, doc)
	for _, t := range terms {
		fmt.Fprintf(b, "| %s | %s | %s |\n", cell(begin+t.Name+end), cell(t.Doc), code(t.Example))
	}
}

func (l *Language) write(b *strings.Builder, s *Section) {
	if s.Name == "" {
		b.WriteString("\n## The file\n\n")
	} else {
		fmt.Fprintf(b, "\n## %s\n\n%s%s\n\n", s.Name, l.placesOf(s), s.Doc)
	}
	if example := l.blockOf(s); example != "" {
		fmt.Fprintf(b, "```yaml\n%s```\n\n", example)
	}
	if len(s.Words) > 0 {
		b.WriteString("| word | value | meaning | example |\n|---|---|---|---|\n")
	}
	for _, w := range s.Words {
		value := cell(w.Form.Words)
		if w.Holds != nil {
			value = fmt.Sprintf("[%s](#%s)", value, w.Holds.Name)
		}
		needed := ""
		if w.Required {
			needed = " It has to be there."
		}
		fmt.Fprintf(b, "| `%s` | %s | %s%s | %s |\n", w.Name, value, cell(w.Doc), needed, code(s.inContext(w)))
	}
	for i, part := range s.Parts {
		if i == 0 && len(s.Words) > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "The words of [%s](#%s) stand here as well.\n", part.Name, part.Name)
	}
}

// inContext shows an example as it stands in a file: behind the word of its section.
func (s *Section) inContext(w Word) string {
	for _, step := range slices.Backward(s.Path) {
		switch step {
		case Element:
			return "- {" + w.Example + "}"
		case Member:
		default:
			return step + ": {" + w.Example + "}"
		}
	}
	if members, err := w.Members(); err == nil && len(members) > 1 {
		return "{" + w.Example + "}"
	}
	return w.Example
}

// placesOf says where a section stands, beside behind its own name.
func (l *Language) placesOf(s *Section) (places string) {
	var words, sections []string
	for _, other := range l.Sections {
		for _, w := range other.Words {
			if w.Holds == s && !slices.Contains(words, w.Name) {
				words = append(words, w.Name)
			}
		}
		if slices.Contains(other.Parts, s) {
			sections = append(sections, other.Name)
		}
	}
	if len(words) > 1 || s.Part && len(words) > 0 {
		places = "Behind " + listOf(words) + ". "
	}
	if len(sections) > 0 {
		places += "Part of " + listOf(sections) + ". "
	}
	return places
}

// blockOf is the example of a section of the file in the style in which files are written.
func (l *Language) blockOf(s *Section) string {
	for _, w := range l.Sections[0].Words {
		if w.Holds != s || w.Name != s.Name {
			continue
		}
		var ordered yaml.MapSlice
		if err := yaml.UnmarshalWithOptions([]byte("{"+w.Example+"}"), &ordered, yaml.UseOrderedMap()); err != nil {
			return ""
		}
		if text, err := yaml.MarshalWithOptions(ordered, yaml.IndentSequence(true)); err == nil {
			return string(text)
		}
	}
	return ""
}

func listOf(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

func code(text string) string { return "`" + cell(text) + "`" }
