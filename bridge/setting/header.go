package setting

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/header"
)

// Headers are extra request headers. Their values may be secrets.
type Headers []Header

// A Header is one of them.
type Header struct{ Name, Value string }

// Parse takes "Name: value" lines, or such pairs separated by commas.
func (h *Headers) Parse(text string) error {
	*h = nil
	separator := ","
	if strings.Contains(text, "\n") {
		separator = "\n"
	}
	for _, item := range Items(text, separator) {
		name, value, found := strings.Cut(item, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !found || !header.ValidName(name) || strings.ContainsAny(value, "\r\n") {
			return Wanted("Name: value, one per line (a value with a comma needs lines)")
		}
		*h = append(*h, Header{Name: name, Value: value})
	}
	return nil
}

// OfKind is KindHeaders.
func (Headers) OfKind() Kind { return KindHeaders }

// Show hides what may be a credential.
func (h Headers) Show() any {
	shown := make(map[string]string, len(h))
	for _, one := range h {
		shown[one.Name] = one.Value
		if one.Credential() {
			shown[one.Name] = Hidden
		}
	}
	return shown
}

// Credential judges a header by its name: what may be one is never shown again.
func (h Header) Credential() bool {
	name := strings.ToLower(http.CanonicalHeaderKey(h.Name))
	for _, part := range []string{"auth", "cookie", "token", "secret", "key", "password", "credential", "signature"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// Merge takes names that differ in case for one; a value that was shown hidden stays as it is.
func (h *Headers) Merge(raw []byte) []Fault {
	var changes map[string]*string
	if json.Unmarshal(raw, &changes) != nil {
		return []Fault{{"", wantPairs}}
	}
	had := map[string]Header{}
	for _, one := range *h {
		had[http.CanonicalHeaderKey(one.Name)] = one
	}
	var faults []Fault
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		key, text := http.CanonicalHeaderKey(name), changes[name]
		switch {
		case text == nil:
			delete(had, key)
		case *text != Hidden:
			had[key] = Header{Name: name, Value: *text}
		case had[key].Name == "":
			faults = append(faults, Fault{"." + name, "give the value; " + Hidden + " only stands for one that is kept"})
		}
	}
	merged := make(Headers, 0, len(had))
	for _, key := range slices.Sorted(maps.Keys(had)) {
		merged = append(merged, had[key])
	}
	*h = merged
	return faults
}
