// Package problem writes the errors of Hookspan's HTTP listeners: problem details (RFC 9457)
// with a code from a closed list.
//
// The same code always has the same title, so an answer tells a sender what to do and nothing
// about what was compared. A Problem is an error. Values are copied freely and safe for
// concurrent use.
package problem

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// ContentType is the media type of a problem.
const ContentType = "application/problem+json"

// A Problem is the body of an error response.
type Problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail,omitempty"`
	Code   Code    `json:"code"`
	Errors []Field `json:"errors,omitempty"`
}

// A Field names one fault of an input: where it is and what to do. Only the admin API has them.
type Field struct {
	Path    string `json:"path"` // "endpoints.url", "schedule[2]"
	Message string `json:"message"`
}

// New returns the problem of a code with the code's own status and title.
func New(code Code) Problem {
	m := meanings[code]
	return Problem{Type: "urn:hookspan:problem:" + string(code), Title: m.title, Status: m.status, Code: code}
}

// With returns a copy that also says what happened and which fields were at fault.
func (p Problem) With(detail string, fields ...Field) Problem {
	p.Detail, p.Errors = detail, fields
	return p
}

// Error makes a Problem an error.
func (p Problem) Error() string {
	if p.Detail != "" {
		return string(p.Code) + ": " + p.Detail
	}
	return string(p.Code) + ": " + p.Title
}

// Write answers with the problem. Headers that are set already (Retry-After, Allow) are kept.
func Write(w http.ResponseWriter, p Problem) {
	body, err := json.Marshal(p)
	if err != nil { // no field of a Problem can fail to encode
		panic("problem: " + err.Error())
	}
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // the client has gone; there is nobody left to tell
}
