package delivery

import "net/http"

// A Meaning is what the status of an answer says about the attempt and about its endpoint.
// What follows from it is decided by the engine; nothing else looks at numbers.
type Meaning struct {
	Reason Reason // "": success
	Detail string
	// Slow: the endpoint has more than it can take. Delayable: a Retry-After beside it says
	// until when, and then that counts instead.
	Slow, Delayable bool
}

// Meaning judges the status of an answer to the request, as MeaningOf does but for what counts as
// success.
func (r *Request) Meaning(status int, delayed bool) Meaning {
	m := MeaningOf(status, delayed)
	switch {
	case r.Success == nil || m.Reason == ReasonProtocol:
	case r.Success(status):
		return Meaning{}
	case m.Reason == "":
		return Meaning{Reason: ReasonStatus, Detail: "the endpoint answered with a status that is not among its success_on"}
	}
	return m
}

// MeaningOf judges a status. delayed says that a Retry-After came with it.
func MeaningOf(status int, delayed bool) Meaning {
	failed := Meaning{Reason: ReasonStatus, Detail: "the endpoint answered with an error"}
	switch {
	case status < 200:
		return Meaning{Reason: ReasonProtocol, Detail: "the answer has a status that ends no request"}
	case status < 300:
		return Meaning{}
	case status < 400:
		return Meaning{Reason: ReasonRedirect, Detail: "redirects are not followed; register the address that it leads to"}
	case status == http.StatusGone:
		return Meaning{Reason: ReasonGone, Detail: "the endpoint says that it is gone for good"}
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		failed.Slow, failed.Delayable = true, true
		if delayed || status == http.StatusTooManyRequests {
			failed.Reason, failed.Detail = ReasonLimited, "the endpoint asks for fewer requests"
		}
	case status == http.StatusBadGateway, status == http.StatusGatewayTimeout:
		failed.Slow = true
	}
	return failed
}
