package journal

import (
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// An Attempt is one POST and what came of it, as the API shows it. Of request and answer the oldest
// are dropped first.
type Attempt struct {
	Number     int       `json:"number"`
	Sent       time.Time `json:"sent"`
	Received   time.Time `json:"received"`
	StatusCode int       `json:"status_code,omitempty"` // absent when there was no answer
	DurationMS float64   `json:"duration_ms"`
	*Phases              // nil where nothing is known of them
	Address    string    `json:"address,omitempty"`

	Reason   delivery.Reason `json:"reason,omitempty"` // on every failure
	Detail   string          `json:"detail,omitempty"` // the reason in words
	Request  *Request        `json:"request,omitempty"`
	Response *Response       `json:"response,omitempty"`

	// Of one that another attempt was to follow: when, by what was known then, and why.
	NextAttempt time.Time       `json:"next_attempt,omitzero"`
	NextReason  delivery.NextBy `json:"next_reason,omitempty"`
	NextDetail  string          `json:"next_detail,omitempty"`
}

// Phases are what the time of an attempt went into; 0 for one that there was not.
type Phases struct {
	DNSMS       float64 `json:"dns_ms"`
	ConnectMS   float64 `json:"connect_ms"`
	TLSMS       float64 `json:"tls_ms"`
	FirstByteMS float64 `json:"first_byte_ms,omitempty"` // absent when there was no byte of an answer
}

// A Request is what was sent, but for the body, which is the event.
type Request struct {
	Headers map[string]string `json:"headers"`
}

// A Response is the beginning of an answer. Its body is text or base64.
type Response struct {
	Headers map[string]string `json:"headers,omitempty"` // nil where they were not kept
	Body    *string           `json:"body,omitempty"`
	Base64  string            `json:"body_base64,omitempty"`
}

// Shown is a record of the journal as the API shows an attempt.
func Shown(a delivery.Attempt) Attempt {
	shown := Attempt{
		Number: a.Number, Sent: a.Sent.UTC(), Received: a.Received.UTC(), StatusCode: a.Status,
		DurationMS: milliseconds(a.Received.Sub(a.Sent)), Address: a.Address, Reason: a.Reason, Detail: a.Detail,
	}
	if a.Address != "" || a.Phases != (delivery.Phases{}) {
		shown.Phases = &Phases{
			DNSMS: milliseconds(a.Phases.DNS.Duration()), ConnectMS: milliseconds(a.Phases.Connect.Duration()),
			TLSMS: milliseconds(a.Phases.TLS.Duration()), FirstByteMS: milliseconds(a.Phases.FirstByte.Duration()),
		}
	}
	if a.Request != "" {
		shown.Request = &Request{a.Request.Map()}
	}
	if a.Status != 0 {
		shown.Response = &Response{Headers: a.Headers.Map(), Base64: a.Binary}
		if body := a.Response; a.Binary == "" {
			shown.Response.Body = &body
		}
	}
	at, by := a.FollowedBy()
	shown.NextAttempt, shown.NextReason, shown.NextDetail = at.UTC(), by, followed(&a, by)
	return shown
}

// followed says in words why the next attempt is due when it is.
func followed(a *delivery.Attempt, by delivery.NextBy) string {
	switch wait := a.Wait.Duration(); {
	case by == "":
		return ""
	case by == delivery.NextByRetryAfter:
		return "the endpoint asks for nothing before (Retry-After)"
	case wait == 0: // the record of an earlier version
		return "by the schedule"
	default:
		text := "by the schedule " + wait.String() + " after the attempt"
		if chance := a.Next.Sub(a.Received) - wait; chance >= time.Millisecond {
			text += ", and " + chance.Round(time.Millisecond).String() + " by chance (jitter)"
		}
		return text
	}
}

// milliseconds is a duration in ms, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
