package endpoint

import (
	"net/textproto"
	"strings"

	"github.com/hookspan/hookspan/bridge/header"
)

const (
	maxHeaders     = 50
	maxHeaderValue = 8 << 10
	maxHeaderBytes = 32 << 10 // names and values of all; receivers take about as much
)

// headers refuses every header that frames a request or that an attempt sets itself: with
// one of those a receiver, or a proxy on the way, could be made to read another request.
func (v *faults) headers(list []Header) {
	if len(list) > maxHeaders {
		v.add("headers", "has %d headers; %d are allowed", len(list), maxHeaders)
		return
	}
	seen, bytes := map[string]bool{}, 0
	for _, h := range list {
		name := textproto.CanonicalMIMEHeaderKey(h.Name)
		field := "headers." + h.Name
		switch {
		case !isName(h.Name):
			v.add("headers", "has a name that HTTP does not allow")
		case reserved(name):
			v.add(field, "is set by the request itself")
		case seen[name]:
			v.add(field, "is given twice")
		case !isValue(h.Value):
			v.add(field, "has a value with a control character, a line break or space around it, or it is too long")
		}
		seen[name] = true
		bytes += len(h.Name) + len(h.Value)
	}
	if bytes > maxHeaderBytes {
		v.add("headers", "hold %d bytes; %d are allowed", bytes, maxHeaderBytes)
	}
}

// CheckHeaders finds what no header of an endpoint's requests may be.
func CheckHeaders(list []Header) []FieldError {
	v := &faults{}
	v.headers(list)
	return v.list
}

func reserved(name string) bool {
	switch name {
	case "Host", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Connection",
		"Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Upgrade", "Expect", "User-Agent", "Accept-Encoding",
		"Traceparent", "Tracestate":
		return true
	}
	for _, prefix := range []string{"Webhook-", "Ce-", "Hookspan-", "Sec-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// isName is what HTTP allows, of a length that receivers take.
func isName(s string) bool { return header.ValidName(s) && len(s) <= 256 }

// isValue is RFC 9110, section 5.5, in ASCII.
func isValue(s string) bool {
	return len(s) <= maxHeaderValue && s == strings.Trim(s, " \t") &&
		!strings.ContainsFunc(s, func(r rune) bool { return r != '\t' && (r < ' ' || r > '~') })
}
