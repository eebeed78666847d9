package scheme

import (
	"fmt"
	"strings"
)

// compared says what the request had where a signature covers it: the URL, the method, the size
// of the body. Values of headers and of the query are left out; they may be secrets.
func (x *Exchange) compared(content Template) string {
	var parts []string
	if content.hasAny(urls...) {
		parts = append(parts, "the URL "+ShownURL(x.Request.URL)+", with and without its port")
	}
	if content.Has("method") {
		parts = append(parts, "the method "+x.Request.Method)
	}
	if content.hasAny(bodies...) {
		parts = append(parts, fmt.Sprintf("a body of %d bytes", len(x.Request.Body)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "; compared with " + strings.Join(parts, ", ")
}

// ShownURL is a URL with the names in its query and without their values.
func ShownURL(raw string) string {
	const most = 300
	bare, query, has := strings.Cut(raw, "?")
	if has {
		names := strings.Split(query, "&")
		for i, pair := range names {
			if name, _, valued := strings.Cut(pair, "="); valued {
				names[i] = name + "=…"
			}
		}
		bare += "?" + strings.Join(names, "&")
	}
	if len(bare) > most {
		bare = strings.ToValidUTF8(bare[:most], "") + "…"
	}
	return bare
}
