package scheme

import "strings"

// urlForms returns the URL as it came, and with its port left out or the default one added:
// senders differ in which of them they sign, and a port proves nothing.
func urlForms(raw string) []string {
	scheme, rest, ok := strings.Cut(raw, "://")
	port := map[string]string{"http": ":80", "https": ":443"}[scheme]
	if !ok || port == "" {
		return []string{raw}
	}
	host := hostOf(raw)
	behind := rest[len(host):]
	colon := strings.LastIndexByte(host, ':')
	if colon >= 0 && !strings.HasSuffix(host, "]") {
		return []string{raw, scheme + "://" + host[:colon] + behind}
	}
	return []string{raw, scheme + "://" + host + port + behind}
}

// hostOf is the host of a URL, with its port.
func hostOf(raw string) string {
	_, rest, _ := strings.Cut(raw, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// eachURL calls try with every form of the URL in x, where content has it, else once. It goes
// on when one fits, so that the time does not tell which, and leaves that one in x, so that what
// was signed can be told again.
func (x *Exchange) eachURL(content Template, try func() (fits bool, missing *part)) *part {
	if !content.Has("url") {
		_, missing := try()
		return missing
	}
	signed := x.Request.URL
	for _, x.url = range urlForms(x.Request.URL) {
		fits, missing := try()
		if missing != nil {
			x.url = x.Request.URL
			return missing
		}
		if fits {
			signed = x.url
		}
	}
	x.url = signed
	return nil
}
