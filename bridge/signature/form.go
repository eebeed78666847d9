package signature

import (
	"fmt"
	"net/http"
	"strings"

	httpheader "github.com/hookspan/hookspan/bridge/header"
)

// forms are what an option may have to look like. A check returns the value as templates and
// headers take it, or what is wrong with it.
var forms = map[string]func(value string) (read, fault string){
	"header":        headerForm,
	"header-prefix": headerPrefixForm,
	"content":       contentForm,
	"prefix":        prefixForm,
}

// headerForm refuses names that belong to HTTP itself or to us.
func headerForm(name string) (read, fault string) {
	switch read = http.CanonicalHeaderKey(name); read {
	case "Host", "Connection", "Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Te",
		"Trailer", "Upgrade", "Expect", "Keep-Alive", "Proxy-Connection", "User-Agent", idHeader, timeHeader:
		return "", read + " cannot hold a signature, use a name of its own"
	}
	if !httpheader.ValidName(read) || strings.HasPrefix(read, "Ce-") || strings.HasPrefix(read, "Hookspan-") {
		return "", fmt.Sprintf("%.40q cannot hold a signature, use a name such as X-Acme-Signature", read)
	}
	return read, ""
}

func headerPrefixForm(prefix string) (read, fault string) {
	read = strings.TrimSuffix(prefix, "-")
	if !httpheader.ValidName(read) {
		return "", fmt.Sprintf("%.40q is no header name, use one such as X-Acme", prefix)
	}
	return read, ""
}

// contentForm is a template of what is signed, such as {id}.{timestamp}.{body}.
func contentForm(text string) (read, fault string) {
	read, names, fault := template(text)
	if fault != "" {
		return "", fault
	}
	for _, name := range names {
		if name == "body" {
			return read, ""
		}
	}
	return "", "must hold {body}, else the signature fits any body"
}

// prefixForm is what stands in front of the signature; id and timestamp may be in it, as in
// t={timestamp},v1=.
func prefixForm(text string) (read, fault string) {
	if fieldValue(text) != text {
		return "", "holds a control character, which no header can"
	}
	read, names, fault := template(text)
	for _, name := range names {
		if name != "id" && name != "timestamp" {
			return "", "takes {id} and {timestamp} only"
		}
	}
	return read, fault
}

const placeholders = "{body}, {id}, {timestamp}, {url}, {method}, {header:Name} and {secret}"

// template lists the values that a template names. A closing brace alone means itself; the engine
// wants it twice.
func template(text string) (read string, names []string, fault string) {
	var b strings.Builder
	for text != "" {
		literal, rest, found := strings.Cut(text, "{")
		b.WriteString(strings.ReplaceAll(literal, "}", "}}"))
		if !found {
			break
		}
		name, rest, closed := strings.Cut(rest, "}")
		header, isHeader := strings.CutPrefix(name, "header:")
		switch {
		case !closed:
			return "", nil, "a { is never closed"
		case isHeader && !httpheader.ValidName(header), !isHeader && templateValues[name] == "":
			return "", nil, fmt.Sprintf("{%.40s} is unknown, use %s", name, placeholders)
		}
		b.WriteString("{" + name + "}")
		names = append(names, name)
		text = rest
	}
	return b.String(), names, ""
}
