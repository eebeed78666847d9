package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/problem"
	"github.com/hookspan/hookspan/bridge/spelling"
)

// A patch is a JSON merge patch (RFC 7396) over an endpoint: null takes a field back to its
// default, and an option or header away.
type patch struct {
	fields map[string]json.RawMessage
	faults []problem.Field
}

// apply sets the fields on e, which starts as the endpoint was, or as the default.
func (p *patch) apply(e *endpoint.Endpoint) error {
	p.faults = nil
	for _, name := range slices.Sorted(maps.Keys(p.fields)) {
		p.set(e, name, p.fields[name])
	}
	if len(p.faults) > 0 {
		return problem.New(problem.Invalid).With("", p.faults...)
	}
	return nil
}

func (p *patch) fault(path, format string, args ...any) {
	p.faults = append(p.faults, problem.Field{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (p *patch) set(e *endpoint.Endpoint, name string, raw json.RawMessage) {
	unset := endpoint.Default()
	switch name {
	case "name":
		e.Name = value(p, name, raw, unset.Name)
	case "url":
		e.URL = value(p, name, raw, unset.URL)
	case "secrets":
		e.Secrets = p.texts(name, raw, nil, " ")
	case "encrypt_secret":
		e.EncryptSecret = value(p, name, raw, "")
	case "events":
		e.Events = p.texts(name, raw, unset.Events, ",")
	case "topics":
		e.Topics = p.texts(name, raw, nil, ",")
	case "start":
		p.start(e, raw)
	case "active":
		e.Active = value(p, name, raw, unset.Active)
	case "signature":
		e.Signature = value(p, name, raw, unset.Signature)
	case "content":
		e.Content = value(p, name, raw, unset.Content)
	case "options":
		e.Options = p.options(e.Options, raw)
	case "headers":
		e.Headers = p.headers(e.Headers, raw)
	default:
		p.setPace(e, name, raw)
	}
}

// setPace sets what decides when attempts are made.
func (p *patch) setPace(e *endpoint.Endpoint, name string, raw json.RawMessage) {
	unset := endpoint.Default()
	switch name {
	case "schedule":
		e.Schedule = p.schedule(raw, unset.Schedule)
	case "jitter":
		e.Jitter = parsed(p, name, raw, unset.Jitter, endpoint.ParseJitter)
	case "timeout":
		e.Timeout = parsed(p, name, raw, unset.Timeout, endpoint.ParseDuration)
	case "rate":
		e.Rate = parsed(p, name, raw, unset.Rate, endpoint.ParseRate)
	case "concurrency":
		e.Concurrency = value(p, name, raw, unset.Concurrency)
	case "disable_after":
		e.DisableAfter = parsed(p, name, raw, unset.DisableAfter, endpoint.ParseDuration)
	case "state":
		p.fault(name, "is read only here: POST to /v1/endpoints/{id}/enable or /pause")
	case "id", "public_key", "managed_by", "reason", "behind", "created", "updated":
		p.fault(name, "is read only")
	default:
		p.fault(name, "is not a field of an endpoint; did you mean %s?", spelling.Nearest(name, editable()))
	}
}

// editable are the fields that can be set.
func editable() []string {
	return []string{"name", "url", "secrets", "encrypt_secret", "events", "topics", "start", "active", "signature", "content", "options",
		"headers", "schedule", "jitter", "timeout", "rate", "concurrency", "disable_after"}
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// value reads a field of a JSON type; null is what it is by default.
func value[T string | bool | int](p *patch, name string, raw json.RawMessage, unset T) T {
	if isNull(raw) {
		return unset
	}
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		kind := map[string]string{"string": "a string", "bool": "true or false", "int": "a whole number"}[fmt.Sprintf("%T", v)]
		p.fault(name, "must be %s", kind)
	}
	return v
}

// parsed reads a field that is written as text; a number stands for itself, as in the file.
func parsed[T any](p *patch, name string, raw json.RawMessage, unset T, parse func(string) (T, error)) T {
	if isNull(raw) {
		return unset
	}
	before := len(p.faults)
	text := string(raw)
	if json.Unmarshal(raw, new(json.Number)) != nil || text[0] == '"' {
		text = value(p, name, raw, "")
	}
	if len(p.faults) > before {
		return unset
	}
	v, err := parse(text)
	if err != nil {
		p.fault(name, "%s", err)
	}
	return v
}

// texts reads a list of strings, or one string with a separator as the environment has it.
func (p *patch) texts(name string, raw json.RawMessage, unset []string, separator string) []string {
	if isNull(raw) {
		return unset
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return many
	}
	var one string
	if json.Unmarshal(raw, &one) != nil {
		p.fault(name, "must be a list of strings, or one string")
		return nil
	}
	if separator == " " {
		return strings.Fields(one)
	}
	for part := range strings.SplitSeq(one, separator) {
		if part = strings.TrimSpace(part); part != "" {
			many = append(many, part)
		}
	}
	return many
}

func (p *patch) schedule(raw json.RawMessage, unset []time.Duration) []time.Duration {
	if isNull(raw) {
		return unset
	}
	waits := []time.Duration{}
	for i, text := range p.texts("schedule", raw, nil, ",") {
		d, err := endpoint.ParseDuration(text)
		if err != nil {
			p.fault(fmt.Sprintf("schedule[%d]", i), "%s", err)
		}
		waits = append(waits, d)
	}
	return waits
}

// start is fixed at the registration: what came before is a matter of replays.
func (p *patch) start(e *endpoint.Endpoint, raw json.RawMessage) {
	given := value(p, "start", raw, endpoint.StartNow)
	if e.ID != "" && given != e.Start {
		p.fault("start", "cannot be changed after the registration")
		return
	}
	e.Start = given
}

// merge puts a patch over a map of strings and returns a new one.
func (p *patch) merge(name string, old map[string]string, raw json.RawMessage) map[string]string {
	if isNull(raw) {
		return nil
	}
	var changes map[string]*string
	if err := json.Unmarshal(raw, &changes); err != nil {
		p.fault(name, "must be an object of strings")
		return old
	}
	merged := maps.Clone(old)
	if merged == nil {
		merged = map[string]string{}
	}
	for key, text := range changes {
		if text == nil {
			delete(merged, key)
		} else {
			merged[key] = *text
		}
	}
	return merged
}

func (p *patch) options(old map[string]string, raw json.RawMessage) map[string]string {
	return p.merge("options", old, raw)
}

// headers have names that differ in case only; a value that was shown hidden stays as it is.
func (p *patch) headers(old []endpoint.Header, raw json.RawMessage) []endpoint.Header {
	var changes map[string]*string
	if json.Unmarshal(raw, &changes) != nil {
		p.fault("headers", "must be an object of strings")
		return old
	}
	if changes == nil {
		return nil
	}
	had := map[string]endpoint.Header{}
	for _, h := range old {
		had[http.CanonicalHeaderKey(h.Name)] = h
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		key, text := http.CanonicalHeaderKey(name), changes[name]
		switch {
		case text == nil:
			delete(had, key)
		case *text != hidden:
			had[key] = endpoint.Header{Name: name, Value: *text}
		case had[key].Name == "":
			p.fault("headers."+name, "give the value; %s only stands for one that is kept", hidden)
		}
	}
	merged := make([]endpoint.Header, 0, len(had))
	for _, key := range slices.Sorted(maps.Keys(had)) {
		merged = append(merged, had[key])
	}
	return merged
}
