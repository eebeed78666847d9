package dataschema

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/problem"
)

// A Schema is one version of a schema.
type Schema struct {
	Name     string          // the words in front of the types that it is for
	Version  int             // from 1 on
	Document json.RawMessage // without white space

	file     string // its name in the folder
	id       string // its $id; where it has none, a URN of its name
	at       string // where references to it resolve
	parsed   any    // until it is compiled
	compiled *jsonschema.Schema
}

const (
	// here is where a schema without an $id is, for those that refer to it.
	here = "schema:///"
	// urn begins the name of one that has no other outside.
	urn = "urn:hookspan:schema:"
)

func readFile(dir fs.FS, file string) (*Schema, error) {
	v := &Schema{file: file}
	var err error
	if v.Name, v.Version, err = versionOf(strings.TrimSuffix(file, extension)); err != nil {
		return nil, err
	}
	if v.Name == "" || strings.Trim(v.Name, ".") != v.Name || event.Clean(v.Name) != v.Name {
		return nil, errors.New("the name of the file is not the front of an event type, such as com.example.order.json")
	}
	text, err := contents(dir, file)
	if err != nil {
		return nil, err
	}
	if v.parsed, err = parse(text); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, bytes.TrimPrefix(text, mark)); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	v.Document, v.at = compact.Bytes(), here+url.PathEscape(file)
	v.id = urn + url.PathEscape(strings.TrimSuffix(file, extension))
	document, _ := v.parsed.(map[string]any)
	if id, named := document["$id"]; named {
		v.id, _ = id.(string)
		if !event.IsURI(v.id) {
			return nil, fmt.Errorf("$id must be an absolute URI, such as https://schemas.example/%s", file)
		}
		v.at = v.id
	}
	return v, nil
}

func contents(dir fs.FS, file string) ([]byte, error) {
	f, err := dir.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = fmt.Errorf("longer than %d bytes", maxDocument)
	}
	return text, err
}

var mark = []byte("\xef\xbb\xbf") // UTF-8's byte order mark

func parse(data []byte) (any, error) {
	return jsonschema.UnmarshalJSON(bytes.NewReader(bytes.TrimPrefix(data, mark)))
}

// serve answers with a schema, and lets caches and pages of other origins have it.
func serve(w http.ResponseWriter, r *http.Request, text []byte) {
	switch {
	case text == nil:
		problem.Write(w, problem.New(problem.NotFound).With("there is no schema of this name"))
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		problem.Write(w, problem.New(problem.Method))
		return
	}
	sum := sha256.Sum256(text)
	h := w.Header()
	h.Set("Content-Type", "application/schema+json")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}
