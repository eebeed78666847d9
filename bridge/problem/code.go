package problem

import (
	"net/http"
	"slices"
)

// Code names a kind of problem; a closed list that clients may branch on.
type Code string

// Codes of the public intake.
const (
	UnknownSource  Code = "unknown_source"
	Refused        Code = "refused"
	BadRequest     Code = "bad_request"
	Method         Code = "method"
	MediaType      Code = "media_type"
	TooLarge       Code = "too_large"
	InvalidBody    Code = "invalid_body"
	RateLimited    Code = "rate_limited"
	Overloaded     Code = "overloaded"
	BusUnavailable Code = "bus_unavailable"
	DiskFull       Code = "disk_full"
	StoreFull      Code = "store_full"
	// SenderUnavailable: a host of the sender, which has its keys, does not answer.
	SenderUnavailable Code = "sender_unavailable"
	Stopping          Code = "stopping"
)

// Codes of the admin API.
const (
	Unauthorized     Code = "unauthorized"
	NotFound         Code = "not_found"
	Invalid          Code = "invalid"
	Conflict         Code = "conflict"
	ManagedElsewhere Code = "managed_elsewhere"
	Precondition     Code = "precondition_failed"
	NotReady         Code = "not_ready"
	Unavailable      Code = "unavailable"
)

type meaning struct {
	status int
	title  string
}

// meanings is never written to.
var meanings = map[Code]meaning{
	UnknownSource:  {http.StatusNotFound, "There is no such source."},
	Refused:        {http.StatusUnauthorized, "The request was refused."},
	BadRequest:     {http.StatusBadRequest, "The request cannot be read."},
	Method:         {http.StatusMethodNotAllowed, "The method is not allowed here."},
	MediaType:      {http.StatusUnsupportedMediaType, "The content type or encoding is not known."},
	TooLarge:       {http.StatusRequestEntityTooLarge, "The body is too large."},
	InvalidBody:    {http.StatusUnprocessableEntity, "The body is not what the provider sends."},
	RateLimited:    {http.StatusTooManyRequests, "There are too many requests for this source."},
	Overloaded:     {http.StatusServiceUnavailable, "Too many requests are in hand."},
	BusUnavailable: {http.StatusServiceUnavailable, "The event cannot be stored now."},
	DiskFull:       {http.StatusServiceUnavailable, "The disk is full."},
	StoreFull:      {http.StatusServiceUnavailable, "The event store is full."},

	SenderUnavailable: {http.StatusServiceUnavailable, "The sender's own host, which has its keys, does not answer."},
	Stopping:          {http.StatusServiceUnavailable, "The server is stopping."},

	Unauthorized:     {http.StatusUnauthorized, "A valid token is needed."},
	NotFound:         {http.StatusNotFound, "There is no such thing."},
	Invalid:          {http.StatusUnprocessableEntity, "The input is not valid."},
	Conflict:         {http.StatusConflict, "The input conflicts with what exists."},
	ManagedElsewhere: {http.StatusConflict, "This is managed by the environment or the file."},
	Precondition:     {http.StatusPreconditionFailed, "This is not as the request demands."},
	NotReady:         {http.StatusServiceUnavailable, "The server is not ready yet."},
	Unavailable:      {http.StatusServiceUnavailable, "The server cannot do this now."},
}

// Codes lists every code, sorted.
func Codes() []Code {
	codes := make([]Code, 0, len(meanings))
	for c := range meanings {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	return codes
}
