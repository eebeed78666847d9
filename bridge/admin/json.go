package admin

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/problem"
)

// maxBody is far more than the largest endpoint needs.
const maxBody = 1 << 20

// A page of a list. Next is the cursor of the page behind it, null on the last.
type page[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

func newPage[T any](items []T, next string) page[T] {
	p := page[T]{Items: items}
	if p.Items == nil {
		p.Items = []T{}
	}
	if next != "" {
		p.Next = &next
	}
	return p
}

// write answers with a JSON document.
func write(w http.ResponseWriter, status int, v any) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // the client has gone; there is nobody left to tell
	return nil
}

// readObject reads the body as one JSON object, field by field. An empty body is an empty
// object where that is allowed.
func readObject(w http.ResponseWriter, r *http.Request, emptyAllowed bool) (map[string]json.RawMessage, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem.New(problem.TooLarge)
	case err != nil:
		return nil, problem.New(problem.BadRequest)
	case emptyAllowed && len(bytes.TrimSpace(body)) == 0:
		return map[string]json.RawMessage{}, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, problem.New(problem.Invalid).With("the body is not a JSON object", problem.Field{Path: "", Message: "send one JSON object"})
	}
	return object, nil
}

// A query reads parameters strictly and gathers what is wrong with them.
type query struct {
	path   string // of the request
	values url.Values
	faults []problem.Field
}

// readQuery refuses parameters that are not named.
func readQuery(r *http.Request, names ...string) *query {
	q := &query{path: r.URL.Path, values: r.URL.Query()}
	for name, values := range q.values {
		if !slices.Contains(names, name) {
			q.fault(name, "is not known; known are "+strings.Join(names, ", "))
		} else if len(values) > 1 {
			q.fault(name, "is given more than once")
		}
	}
	return q
}

func (q *query) fault(path, message string) {
	q.faults = append(q.faults, problem.Field{Path: path, Message: message})
}

func (q *query) text(name string) string { return q.values.Get(name) }

// attribute is an attribute of an event, as records have it.
func (q *query) attribute(name string) string { return event.Short(q.text(name)) }

const (
	defaultLimit = 50
	mostPerPage  = 1000
)

func (q *query) limit() int {
	text := q.text("limit")
	if text == "" {
		return defaultLimit
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > mostPerPage {
		q.fault("limit", fmt.Sprintf("must be a number between 1 and %d", mostPerPage))
	}
	return n
}

// cursor is where the page before ended; "" is the first page.
func (q *query) cursor() string {
	text := q.text("cursor")
	sum, place, _ := strings.Cut(text, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(place)
	if text != "" && (err != nil || sum != q.sum(string(decoded))) {
		q.fault("cursor", "is not one that this list gave: leave it out to begin anew")
	}
	return string(decoded)
}

// next is the cursor of the page behind one that ends at a place; "" on the last.
func (q *query) next(place string) string {
	if place == "" {
		return ""
	}
	return q.sum(place) + "." + base64.RawURLEncoding.EncodeToString([]byte(place))
}

// sum tells a cursor of this list from whatever else somebody gives.
func (q *query) sum(place string) string {
	return strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(q.path+"?"+place))), 36)
}

// err is a problem when something was wrong.
func (q *query) err() error {
	if len(q.faults) == 0 {
		return nil
	}
	slices.SortFunc(q.faults, func(a, b problem.Field) int { return strings.Compare(a.Path, b.Path) })
	return problem.New(problem.Invalid).With("", q.faults...)
}
