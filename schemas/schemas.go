// Package schemas holds the JSON Schemas (draft 2020-12) of what Hookspan reads, shows and
// carries. They are documentation that a program can check: every field has a description and
// an example.
//
//   - config.json: the configuration file. provider.json: a provider's file.
//   - page.json and what its items are: endpoint.json (and secret.json, preview.json), delivery.json with attempt.json,
//     source.json, refusal.json, event-type.json (and event-type-inferred.json, event-type-diff.json with difference.json), asyncapi.json; stats.json, log-level.json, seal-keys.json, resealing.json,
//     status.json, problem.json: the answers of the admin listener. behind.json stands beside the deliveries of one event.
//   - journal.json, note.json, presence.json: the records of the journal.
//   - events/<type>.json: the data of events whose type begins with that name. Those of outside
//     systems are lenient: a field that a schema does not know is no fault.
//
// Package schematest holds what the tests see against them.
//
// The package imports nothing of Hookspan's.
package schemas

import (
	"embed"
	"strings"
)

// Files holds the schemas by path.
//
//go:embed *.json events/*.json
var Files embed.FS

const (
	eventFolder = "events/"
	extension   = ".json"
	base        = "https://github.com/hookspan/hookspan/schemas/" // of every $id
)

// ForType returns the path in Files of the schema for an event type: the one whose name is the
// longest run of whole words at the front of the type. False when there is none.
func ForType(eventType string) (path string, found bool) {
	for words := eventType; words != ""; {
		path := eventFolder + words + extension
		if f, err := Files.Open(path); err == nil {
			_ = f.Close() // an embedded file: nothing is held
			return path, true
		}
		dot := strings.LastIndexByte(words, '.')
		if dot < 0 {
			break
		}
		words = words[:dot]
	}
	return "", false
}

// URLForType is the $id of the schema for an event type, "" where there is none.
func URLForType(eventType string) string {
	path, found := ForType(eventType)
	if !found {
		return ""
	}
	return base + path
}
