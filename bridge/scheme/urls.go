package scheme

import "strings"

// urls are the values that differ by how the URL is written.
var urls = []string{"url", "bare-url"}

// urlForms returns the URL as it came, and with its port left out or the default one added; where scheme
// or host has capitals, also with small letters there. Senders differ in which of them they sign, and
// neither a port nor capitals prove anything.
func urlForms(raw string) []string {
	forms := withPorts(raw)
	if small := SmallURL(raw); small != raw {
		forms = append(forms, withPorts(small)...)
	}
	return forms
}

// withPorts is the URL, and without its port, or with the default one where it has none.
func withPorts(raw string) []string {
	scheme, host, behind := cutURL(raw)
	port := map[string]string{"http://": ":80", "https://": ":443"}[strings.ToLower(scheme)]
	if port == "" {
		return []string{raw}
	}
	if colon := strings.LastIndexByte(host, ':'); colon >= 0 && !strings.HasSuffix(host, "]") {
		host, port = host[:colon], ""
	}
	return []string{raw, scheme + host + port + behind}
}

// SmallURL is a URL as clients send it: with scheme and host in small letters.
func SmallURL(raw string) string {
	_, _, behind := cutURL(raw)
	front := raw[:len(raw)-len(behind)]
	if small := strings.ToLower(front); small != front {
		return small + behind
	}
	return raw
}

// bareURL is a URL without its query.
func bareURL(raw string) string {
	scheme, host, behind := cutURL(raw)
	return scheme + host + pathIn(behind)
}

// pathOf is the path of a URL.
func pathOf(raw string) string {
	_, _, behind := cutURL(raw)
	return pathIn(behind)
}

func pathIn(behind string) string {
	if end := strings.IndexAny(behind, "?#"); end >= 0 {
		return behind[:end]
	}
	return behind
}

// cutURL takes a URL apart: the scheme with what follows it, the host with its port, and the rest.
func cutURL(raw string) (scheme, host, behind string) {
	i := strings.Index(raw, "://")
	if i < 0 {
		return "", "", raw
	}
	scheme, rest := raw[:i+3], raw[i+3:]
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		return scheme, rest[:end], rest[end:]
	}
	return scheme, rest, ""
}

// eachURL calls try with every form of the URL in x, where content has it, else once. It goes
// on when one fits, so that the time does not tell which, and leaves that one in x, so that what
// was signed can be told again.
func (x *Exchange) eachURL(content Template, try func() (fits bool, missing *part)) *part {
	if !content.hasAny(urls...) {
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
