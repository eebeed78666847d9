package delivery

import (
	"context"
	"net/http"
	"time"
)

// A Sender makes one attempt: one POST. sinks/webhook is the one that leaves the machine.
type Sender interface {
	// Send never follows a redirect, reads a bounded part of the response and returns what
	// happened; an attempt that was cut off because ctx ended has ReasonStopped. A request
	// that was lost with a connection that had served before, without a byte of an answer, is
	// sent once more, and one with a grant that was answered 401 with a new token. Nothing of r's header is kept, nor changed.
	Send(ctx context.Context, r Request) Response
}

// A Request is one attempt, signed and ready. Timeout bounds it from connect to the last
// byte of the response.
type Request struct {
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
}

// A Response is what came of an attempt. Status is 0 when there was no answer.
type Response struct {
	Status     int
	RetryAfter time.Duration // from the header, both forms; 0 when absent or unreadable
	Body       string        // the first bytes, as readable text
	Reason     Reason        // "" for success
	Detail     string        // in words, without URL, secret or body; for the log and the API
	Refused    bool          // nobody listens at the address
}
