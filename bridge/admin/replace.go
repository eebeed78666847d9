package admin

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

// replaceEndpoint sets all that an endpoint shows: what is left out goes back to its default. What
// is not shown stays unless it is given, and so do masked values that come back as they were.
func (a *api) replaceEndpoint(w http.ResponseWriter, r *http.Request) error {
	return a.editEndpoint(w, r, whole)
}

// whole makes a merge patch of all that is to be: what is shown and not among the fields is null.
func whole(fields map[string]json.RawMessage, e *endpoint.Endpoint) (map[string]json.RawMessage, error) {
	text, err := setting.Object{endpoint.Fields().Shown(&e.Settings)}.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var shown map[string]json.RawMessage
	if err := json.Unmarshal(text, &shown); err != nil {
		return nil, err
	}
	for name := range shown {
		f, known := endpoint.Fields().Find(name)
		if _, given := fields[name]; known && !given && f.Tag("api") == "once" {
			delete(shown, name) // it cannot be another one
		}
	}
	return completed(fields, shown), nil
}

// completed adds a null for each member that there was, at any depth of objects. Names of headers
// are the same in any case.
func completed(fields, was map[string]json.RawMessage) map[string]json.RawMessage {
	all := make(map[string]json.RawMessage, len(fields))
	given := make(map[string]string, len(fields))
	for name, raw := range fields {
		all[name] = raw
		given[strings.ToLower(name)] = name
	}
	for name, before := range was {
		as, found := given[strings.ToLower(name)]
		if !found {
			all[name] = json.RawMessage("null")
			continue
		}
		var old, next map[string]json.RawMessage
		if json.Unmarshal(before, &old) != nil || json.Unmarshal(all[as], &next) != nil || old == nil || next == nil {
			continue
		}
		if text, err := json.Marshal(completed(next, old)); err == nil {
			all[as] = text
		}
	}
	return all
}
