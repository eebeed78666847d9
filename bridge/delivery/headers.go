package delivery

import (
	"iter"
	"strings"
)

// Headers are those of a request or an answer as a record keeps them: "Name: value" with a line
// break behind each.
type Headers string

// headerBytes is what is kept of one value.
const headerBytes = 1 << 10

// AppendHeader adds one, the beginning of its value at least, to the bytes that headers are made of;
// one with which they would be longer than most is left out. A name holds no line break.
func AppendHeader(b []byte, most int, name, value string) []byte {
	value = strings.ReplaceAll(value[:min(len(value), headerBytes)], "\n", " ")
	if len(b)+len(name)+len(": ")+len(value)+len("\n") > most {
		return b
	}
	return append(append(append(append(b, name...), ": "...), value...), '\n')
}

// All are names and values in their order. A line that is no header, as no writer of ours makes
// it, is left out.
func (h Headers) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for line := range strings.SplitSeq(string(h), "\n") {
			if name, value, ok := strings.Cut(line, ": "); ok && !yield(name, value) {
				return
			}
		}
	}
}

// Map has the values by name, those of one name with a comma between; nil for none.
func (h Headers) Map() map[string]string {
	if h == "" {
		return nil
	}
	all := map[string]string{}
	for name, value := range h.All() {
		if before, twice := all[name]; twice {
			value = before + ", " + value
		}
		all[name] = value
	}
	return all
}

// Cut are the first headers, as many as fit into so many bytes.
func (h Headers) Cut(most int) Headers {
	if len(h) <= most {
		return h
	}
	return Headers(strings.Clone(string(h[:strings.LastIndexByte(string(h[:most]), '\n')+1])))
}
