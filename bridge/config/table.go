package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/setting"
)

// A Setting is one row of the settings' documentation.
type Setting struct {
	Name    string       `json:"name"`    // the variable; <NAME> stands for a source's or endpoint's name
	Key     string       `json:"key"`     // its word in the file
	Default string       `json:"default"` // as a person reads it; "" is none
	Meaning string       `json:"meaning"`
	Kind    setting.Kind `json:"kind"`
	Words   []string     `json:"words,omitempty"` // the closed set of its values
	Least   int64        `json:"-"`               // of a number
	Empty   bool         `json:"-"`               // an empty text is taken
}

// A Table is the settings of one part.
type Table struct {
	Title    string    `json:"title"`
	Settings []Setting `json:"settings"`
}

// Tables documents every setting, in the order of a reader.
func Tables() []Table {
	tables := []Table{}
	for _, g := range (&Config{}).groups() {
		tables = append(tables, tableOf(g.title, g.prefix, g.documented(), prefix))
	}
	const name = "<NAME>_"
	sources := tableOf("Each source", sourcePrefix+name, receiver.Fields(), sourcePrefix+name)
	endpoints := tableOf("Each endpoint", endpointPrefix+name, endpoint.Fields(), endpointPrefix+name)
	sources.Settings = slices.Insert(sources.Settings, 0, Setting{
		Name: sourcesVariable, Key: "sources", Kind: setting.KindList, Meaning: "Names of the sources, separated by commas: a-z, 0-9 and -. In a variable a name is upper case with _ for -.",
	})
	endpoints.Settings = slices.Insert(endpoints.Settings, 0, Setting{
		Name: endpointsVariable, Key: "endpoints", Kind: setting.KindList, Meaning: "Names of the endpoints, like those of sources.",
	})
	return append(tables, sources, endpoints)
}

func tableOf(title, begin string, settings setting.Fields, keyPrefix string) Table {
	t := Table{Title: title}
	for _, f := range settings {
		f := field{Field: f, variable: begin + strings.ToUpper(f.Word)}
		row := Setting{Name: f.variable, Key: f.key(keyPrefix), Default: f.Default, Meaning: f.Doc, Kind: f.Kind, Words: f.Words, Empty: f.Empty() == nil}
		if f.Kind == setting.KindNumber {
			row.Least = f.Least()
		}
		t.Settings = append(t.Settings, row)
	}
	return t
}

// Markdown is the tables as the README shows them.
func Markdown() string {
	var b strings.Builder
	for _, t := range Tables() {
		fmt.Fprintf(&b, "### %s\n\n| variable | default | meaning |\n|---|---|---|\n", t.Title)
		for _, s := range t.Settings {
			name, standard := "`"+s.Name+"`", s.Default
			if s.Kind.Secret() {
				name += ", `…_FILE`"
			}
			if standard != "" && !strings.Contains(standard, " ") {
				standard = "`" + standard + "`"
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name, standard, s.Meaning)
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
