package declaration

// A Term is a word that texts of a file hold in braces, as its reference shows it.
type Term struct{ Name, Doc, Example string }

// A Form is how a value of some type is written: in words, and as a JSON Schema.
type Form struct {
	Words  string
	Schema map[string]any
}

func (l *List) Form() Form {
	text := map[string]any{"type": "string"}
	return Form{"a text or a list", map[string]any{"anyOf": []any{text, map[string]any{"type": "array", "items": text}}}}
}

func (d *Duration) Form() Form {
	return Form{"a duration", map[string]any{"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$`}}
}
