package dispatch

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
)

const (
	// What a record keeps of an answer's body, and of its headers.
	failureBytes = 4 << 10
	successBytes = 1 << 10
	requestBytes = 8 << 10 // of a request's headers

	shortestSecret = 8 // bytes; what is shorter stands in too many words to be looked for
)

// A hiding knows what of an endpoint's requests and their answers nobody is shown.
type hiding struct {
	host    string
	granted bool            // the sender logs requests in with a token
	own     map[string]bool // the endpoint's own headers, by canonical name: whether they are hidden
	secrets []string        // wherever they stand; the longest first
}

func hidingOf(ep *endpoint.Endpoint, address string) hiding {
	h := hiding{granted: ep.Auth.OAuth2 != nil, own: map[string]bool{}}
	secret := func(texts ...string) {
		for _, text := range texts {
			if len(text) >= shortestSecret {
				h.secrets = append(h.secrets, text)
			}
		}
	}
	if u, err := url.Parse(address); err == nil {
		h.host = u.Host
		secret(u.RawQuery) // which many receivers take for a login
	}
	for _, x := range ep.Headers {
		h.own[http.CanonicalHeaderKey(x.Name)] = x.Credential()
		if x.Credential() {
			_, behind, _ := strings.Cut(x.Value, " ") // of a scheme's name, as in Bearer
			secret(x.Value, behind)
		}
	}
	secret(ep.Secrets.Open()...)
	for _, old := range ep.OldSecrets {
		secret(old.Secret.Open())
	}
	secret(ep.EncryptSecret.Open(), ep.Auth.Bearer.Open())
	if b := ep.Auth.Basic; b != nil {
		name, password := b.Username.Open(), b.Password.Open()
		secret(name, password, base64.StdEncoding.EncodeToString([]byte(name+":"+password)))
	}
	if o := ep.Auth.OAuth2; o != nil {
		secret(o.ClientSecret.Open())
	}
	slices.SortFunc(h.secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return h
}

// exchange takes out of an answer what is secret, and has the headers of the request where they are
// kept: of one that left, if it failed or its answer's are kept too.
func (h *hiding) exchange(r *delivery.Request, res *delivery.Response) delivery.Headers {
	h.answer(res)
	if res.Sent && (r.Whole || res.Reason != "") {
		return h.request(r)
	}
	return ""
}

// request has the headers of a request as it was sent.
func (h *hiding) request(r *delivery.Request) delivery.Headers {
	b := make([]byte, 0, 1024)
	b = delivery.AppendHeader(b, requestBytes, "Host", h.host)
	b = delivery.AppendHeader(b, requestBytes, "Content-Length", strconv.Itoa(len(r.Body)))
	for name, values := range r.Header {
		if h.granted && name == "Authorization" {
			continue
		}
		for _, value := range values {
			if h.hides(name, value) {
				value = setting.Hidden
			}
			b = delivery.AppendHeader(b, requestBytes, name, value)
		}
	}
	if h.granted {
		b = delivery.AppendHeader(b, requestBytes, "Authorization", setting.Hidden)
	}
	return delivery.Headers(b)
}

func (h *hiding) hides(name, value string) bool {
	credential, own := h.own[name]
	if !own {
		credential = isCredential(name)
	}
	return credential || slices.ContainsFunc(h.secrets, func(s string) bool { return strings.Contains(value, s) })
}

// isCredential judges a header that is not the endpoint's own. A signature is none: it fits one
// request, and whoever looks for the reason why it was refused needs it.
func isCredential(name string) bool {
	for _, harmless := range []string{"Ce-", "Www-Authenticate", "Proxy-Authenticate"} {
		if strings.HasPrefix(name, harmless) {
			return false
		}
	}
	return endpoint.Header{Name: strings.ReplaceAll(name, "Signature", "")}.Credential()
}

// answer takes out of an answer what is secret, also where the endpoint repeats what it was sent.
func (h *hiding) answer(r *delivery.Response) {
	if r.Headers != "" {
		b := make([]byte, 0, len(r.Headers))
		for name, value := range r.Headers.All() {
			if isCredential(name) {
				value = setting.Hidden
			}
			if address, _, query := strings.Cut(value, "?"); query && strings.HasSuffix(name, "Location") {
				value = address + "?" + setting.Hidden
			}
			b = delivery.AppendHeader(b, requestBytes, name, value)
		}
		r.Headers = delivery.Headers(b)
	}
	for _, secret := range h.secrets {
		r.Replace(secret, setting.Hidden)
	}
}

// recorded is the beginning of a body as a record has it: text, or base64 of what is none.
func recorded(r *delivery.Response, most int) (text, binary string) {
	if r.Binary != "" {
		return "", base64.StdEncoding.EncodeToString([]byte(r.Binary[:min(len(r.Binary), most)]))
	}
	if len(r.Body) <= most {
		return r.Body, ""
	}
	for most > 0 && !utf8.RuneStart(r.Body[most]) {
		most--
	}
	return strings.Clone(r.Body[:most]), ""
}
