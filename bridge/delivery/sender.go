package delivery

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"
)

// A Sender makes one attempt: one request. sinks/webhook is the one that leaves the machine.
type Sender interface {
	// Send never follows a redirect, reads a bounded part of the response and returns what
	// happened; an attempt that was cut off because ctx ended has ReasonStopped, one for
	// which there was no connection ReasonCrowded. A request
	// that was lost with a connection that had served before, without a byte of an answer, is
	// sent once more, and one with a grant that was answered 401 with a new token. Nothing of r's header is kept, nor changed.
	Send(ctx context.Context, r Request) Response
}

// A Request is one attempt, signed and ready. Timeout bounds it from connect to the last
// byte of the response.
type Request struct {
	Method  string // "": POST
	URL     string
	Header  http.Header
	Body    []byte
	Timeout time.Duration
	// Access is what lets the request in beside its headers; nil: nothing.
	Access *Access
	// Proxy is the endpoint's own, a URL that may hold a login, or none; "": the sender's.
	Proxy string
	// Guarded: the proxy was not chosen by an operator, so it may only be where endpoints may.
	Guarded bool
	// Again is asked before the request is sent a second time within the attempt: it takes the
	// endpoint's next place under its limits and says how far off that is; false: there is
	// none before end. Nil: nothing limits it.
	Again func(end time.Time) (wait time.Duration, ok bool)
	// Success says which statuses count as success; nil: 2xx.
	Success func(status int) bool
	// Whole: the headers of the answer are wanted also of a success.
	Whole bool
}

// Verb is the method.
func (r *Request) Verb() string { return cmp.Or(r.Method, http.MethodPost) }

// A Response is what came of an attempt. Status is 0 when there was no answer.
type Response struct {
	Status     int
	RetryAfter time.Duration // from the header, both forms; 0 when absent or unreadable
	Headers    Headers       // of the answer, a bounded part; "" for a success of which Request.Whole did not ask
	Body       string        // the first bytes, as readable text; "" for what is none
	Binary     string        // the first bytes of what is no text
	Reason     Reason        // "" for success
	Detail     string        // in words, without URL, secret or body; for the log and the API
	Waited     time.Duration // for a connection, before the attempt began
	Refused    bool          // nobody listens at the address
	Sent       bool          // the request, or a part of it, left
	Address    string        // that was dialled last, or that a proxy was asked for; "": none
	Phases     Phases
}

// Replace puts another text wherever one stands in what the endpoint said; an empty one stands nowhere.
func (r *Response) Replace(text, by string) {
	if text == "" {
		return
	}
	r.Headers = Headers(strings.ReplaceAll(string(r.Headers), text, by))
	r.Body = strings.ReplaceAll(r.Body, text, by)
	r.Binary = strings.ReplaceAll(r.Binary, text, by)
}
