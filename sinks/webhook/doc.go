// Package webhook makes the attempts: it is the only place from which Hookspan calls
// addresses that its users choose. A Sender never follows a redirect, goes
// through a proxy only where its options or the endpoint name one, reads a bounded part of an answer, and connects only where its Egress rules allow, judged
// by the address that is dialled and not by the name that was registered, but for names that
// the operator lists.
//
// Start reading at Sender.Send; target.go says which URLs are accepted, egress.go which
// addresses, route.go by which way, proxy.go how a proxy is asked, token.go how a request is logged
// in, classify.go how a failure gets its reason. Everything here is safe for concurrent use.
package webhook
