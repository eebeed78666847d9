// Package vector holds a provider's file against requests that the provider really made. Those
// stand in a file of JSON: each with its secrets and with what it means. Refusals are not written
// there; they are derived from every vector, by altering it in each way that has to be noticed. An
// Outcome names the ways that could not be tried.
//
// Parse reads such a file, and File.Check runs one vector of it. The tests of the catalogue and
// hookspan provider test run vectors by this package alone. Nothing here keeps anything, so all of
// it may be used from any number of goroutines.
package vector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

// A File is vectors/<provider>.json: what a provider sent, and what it means.
type File struct {
	Provider     string   `json:"provider"`
	Success      int      `json:"success,omitempty"`       // status of the answer to a delivery, when it is not just any 2xx
	Answer       string   `json:"answer,omitempty"`        // its body
	AnswerType   string   `json:"answer_type,omitempty"`   // its Content-Type
	MaxBody      int64    `json:"max_body,omitempty"`      // bytes, when it is not the usual one
	Tolerance    string   `json:"tolerance,omitempty"`     // such as 5m, when a signed time is checked
	UnsignedBody bool     `json:"unsigned_body,omitempty"` // a token covers no body
	Vectors      []Vector `json:"vectors"`
}

// A Vector is one request, the secrets of its source, and what it means.
type Vector struct {
	ID        string            `json:"id"`
	Method    string            `json:"method,omitempty"` // POST unless it says otherwise
	URL       string            `json:"url,omitempty"`    // as the sender knows it
	Headers   map[string]string `json:"headers,omitempty"`
	Body      string            `json:"body,omitempty"`
	Secrets   []string          `json:"secrets"`
	Options   map[string]string `json:"options,omitempty"`
	Expected  string            `json:"expected,omitempty"`  // the signature or token, as it stands in a header, the URL or the body
	Tolerance string            `json:"tolerance,omitempty"` // instead of the file's
	Malleable bool              `json:"malleable,omitempty"` // the cipher lets a flipped bit through
	Received  time.Time         `json:"received"`            // the time at which it came
	Want      Want              `json:"want"`
}

// A Want is what a vector means: the first event, or the answer to a handshake. What is left out
// is not compared, but for the data, which are the body then.
type Want struct {
	ID              string            `json:"id,omitempty"`
	Type            string            `json:"type,omitempty"`
	Source          string            `json:"source,omitempty"` // of a source with the name shop
	DataContentType string            `json:"datacontenttype,omitempty"`
	Subject         *string           `json:"subject,omitempty"`
	Time            time.Time         `json:"time,omitzero"`
	Data            *string           `json:"data,omitempty"`
	Extensions      map[string]string `json:"extensions,omitempty"` // all of them
	Invalid         bool              `json:"invalid,omitempty"`    // genuine, and not what the provider sends
	Events          int               `json:"events,omitempty"`     // of a batch; one unless it says otherwise
	Answer          *Answer           `json:"answer,omitempty"`
}

// An Answer is what a handshake is answered.
type Answer struct {
	Status  int               `json:"status"`
	Body    string            `json:"body"`
	Headers map[string]string `json:"headers,omitempty"`
}

// Beside is the place of the vectors of a provider's file: vectors/<name>.json in its folder.
func Beside(file, name string) string {
	return filepath.Join(filepath.Dir(file), "vectors", name+".json")
}

// Parse reads a file of vectors. An unknown field is an error, as is a vector that cannot be run;
// errors name the field.
func Parse(text []byte) (*File, error) {
	f := &File{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("it is no file of vectors: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it is no file of vectors: something stands behind the object")
	}
	if f.Provider == "" {
		return nil, errors.New("provider: it must name the provider")
	}
	if len(f.Vectors) == 0 {
		return nil, errors.New("vectors: there is none")
	}
	seen := map[string]bool{}
	for i := range f.Vectors {
		if err := f.Vectors[i].complete(f.Tolerance); err != nil {
			return nil, fmt.Errorf("vectors[%d]: %w", i, err)
		}
		if id := f.Vectors[i].ID; seen[id] {
			return nil, fmt.Errorf("vectors[%d]: id: %q is there twice", i, id)
		}
		seen[f.Vectors[i].ID] = true
	}
	return f, nil
}

// complete takes over the file's tolerance, and refuses a vector that cannot be run.
func (v *Vector) complete(tolerance string) error {
	if v.Tolerance == "" {
		v.Tolerance = tolerance
	}
	switch {
	case v.ID == "":
		return errors.New("id: it needs a name")
	case len(v.Secrets) == 0:
		return errors.New("secrets: it needs one")
	case v.Received.IsZero():
		return errors.New("received: it needs the time at which it came, such as 2026-05-04T10:00:00Z")
	}
	if v.Tolerance != "" {
		if _, err := time.ParseDuration(v.Tolerance); err != nil {
			return fmt.Errorf("tolerance: %q is no duration such as 5m", v.Tolerance)
		}
	}
	return nil
}

// Request is the vector as it came. Each call makes another one, which may be altered.
func (v Vector) Request() *provider.Request {
	r := &provider.Request{Method: v.Method, URL: v.URL, Header: http.Header{}, Body: []byte(v.Body), Received: v.Received}
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	if r.URL == "" {
		r.URL = "https://hooks.example.com/webhooks/shop"
	}
	for name, value := range v.Headers {
		r.Header.Set(name, value)
	}
	return r
}

// Compile makes the verifier of a source with the name shop; without secrets it has the vector's.
func (v Vector) Compile(p *provider.Provider, secrets ...string) (*provider.Verifier, error) {
	if secrets == nil {
		secrets = v.Secrets
	}
	return p.Compile(provider.Config{Source: "shop", Secrets: secrets, Options: v.Options})
}
