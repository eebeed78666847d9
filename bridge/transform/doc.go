// Package transform makes the request of an endpoint out of an event by a jq expression over
// {attributes, data}; see bridge/jq for what expressions see and what bounds them.
//
// The first output counts. An object with the member body, and beside it none but headers, path,
// method and content_type, is the request; everything else is the body. Null, or no output, means
// that nothing is sent. A text is sent as it is unless the content type is one of JSON, everything
// else as JSON.
//
// A Transform is a value of settings: what does not compile is among its faults, and every attempt by
// one that has faults fails. A Room keeps the slow transforms of some endpoints from being a burden
// to the others. Values may be used by any number of goroutines.
//
// Begin with Transform, then Room.Apply.
package transform
