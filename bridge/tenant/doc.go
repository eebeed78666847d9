// Package tenant says whose an event is. An event carries the extension tenant, or a Rule says where
// else its topic's events have it; a source says it of its own at intake (package receiver).
//
// Names come from outside: Name and Value take what a tenant may be called, and say of everything
// else why it is none. They never repeat what was given.
//
// A Rule and what it returns may be shared between goroutines. Begin with Rule.Of.
package tenant
