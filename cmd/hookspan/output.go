package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// document prints one value: as JSON with --json, else as text writes it for people.
func (t *terminal) document(v any, text func(w io.Writer)) error {
	if !t.json {
		text(t.out)
		return nil
	}
	enc := json.NewEncoder(t.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// line prints one item of a list as a line of JSON.
func (t *terminal) line(v any) error {
	enc := json.NewEncoder(t.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// A grid prints rows in columns, for people.
type grid struct{ w *tabwriter.Writer }

func newGrid(w io.Writer, heads ...string) *grid {
	g := &grid{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	g.row(heads...)
	return g
}

func (g *grid) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(cell)
	}
	fmt.Fprintln(g.w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

func (g *grid) end() error { return g.w.Flush() }
