package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// A guarded writer shows what would move a terminal's cursor, colour it or turn the direction
// of its text as an escape, in the form that JSON has for it: what commands print may come from
// whoever sends webhooks, or answers them.
type guarded struct{ io.Writer }

func (g guarded) Write(p []byte) (int, error) {
	if _, err := g.Writer.Write(escape(p, "\n\t")); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Raw is what a guarded writer writes to, for bytes that another program reads.
func Raw(w io.Writer) io.Writer {
	if g, ok := w.(guarded); ok {
		return g.Writer
	}
	return w
}

// Plain is a text on one line, for people.
func Plain(text string) string { return string(escape([]byte(text), "")) }

// escape returns p itself when there is nothing to escape.
func escape(p []byte, keep string) []byte {
	var out []byte // nil so far
	for i := 0; i < len(p); {
		r, size := utf8.DecodeRune(p[i:])
		fine := (unicode.IsPrint(r) && r != utf8.RuneError) || strings.ContainsRune(keep, r)
		if !fine && out == nil {
			out = append(make([]byte, 0, len(p)+16), p[:i]...)
		}
		switch {
		case out == nil:
		case fine:
			out = append(out, p[i:i+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	if out == nil {
		return p
	}
	return out
}

// Document prints one value: as JSON with --json, else as text writes it for people.
func (t *Terminal) Document(v any, text func(w io.Writer)) error {
	if !t.JSON {
		text(t.Out)
		return nil
	}
	enc := json.NewEncoder(t.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// Line prints one item of a list as a line of JSON.
func (t *Terminal) Line(v any) error {
	enc := json.NewEncoder(t.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// A Grid prints rows in columns, for people.
type Grid struct{ w *tabwriter.Writer }

// NewGrid begins with the heads of the columns.
func NewGrid(w io.Writer, heads ...string) *Grid {
	g := &Grid{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	if len(heads) > 0 {
		g.Row(heads...)
	}
	return g
}

// Row prints a row; a line break in a cell is a space.
func (g *Grid) Row(cells ...string) {
	for i, cell := range cells {
		cells[i] = Plain(strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(cell))
	}
	fmt.Fprintln(g.w, strings.TrimRight(strings.Join(cells, "\t"), "\t"))
}

// End prints what the columns were waited for.
func (g *Grid) End() error { return g.w.Flush() }
