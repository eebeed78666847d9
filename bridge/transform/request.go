package transform

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/jq"
	"github.com/hookspan/hookspan/bridge/setting"
)

// Limits of a request.
const (
	MaxBody = 1 << 20 // bytes
	maxPath = 2048
)

// A Request is what a transform makes of an event. The zero values are those of every request: POST,
// to the endpoint's URL.
type Request struct {
	Body        []byte
	ContentType string // "" only without a body
	Headers     []setting.Header
	Path        string // behind that of the endpoint's URL, percent-encoded
	Method      string
}

var members = []string{"body", "headers", "path", "method", "content_type"}

func requestOf(v any) (*Request, error) {
	o, ok := v.(*jq.Object)
	if !ok || !describes(o) {
		o = jq.NewObject(1)
		o.Set("body", v)
	}
	r := &Request{}
	for _, take := range []func(*jq.Object) error{r.takeMethod, r.takePath, r.takeHeaders, r.takeBody} {
		if err := take(o); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// describes reports whether an object is a request and not a body.
func describes(o *jq.Object) bool {
	keys := o.Keys()
	return slices.Contains(keys, "body") && !slices.ContainsFunc(keys, func(k string) bool { return !slices.Contains(members, k) })
}

// text is a member that may be absent, or null.
func text(o *jq.Object, name string) (string, error) {
	switch v := o.Get(name).(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", fmt.Errorf("%s is no text", name)
}

func (r *Request) takeMethod(o *jq.Object) (err error) {
	if r.Method, err = text(o, "method"); err != nil {
		return err
	}
	switch r.Method {
	case "", http.MethodPost, http.MethodPut, http.MethodPatch:
		return nil
	}
	return errors.New("method is none of POST, PUT and PATCH")
}

// takePath refuses what could lead anywhere else than behind the endpoint's own path.
func (r *Request) takePath(o *jq.Object) (err error) {
	if r.Path, err = text(o, "path"); err != nil || r.Path == "" {
		return err
	}
	u, err := url.Parse("http://a/" + strings.TrimPrefix(r.Path, "/"))
	switch {
	case len(r.Path) > maxPath:
		return fmt.Errorf("path is longer than %d bytes", maxPath)
	case strings.ContainsAny(r.Path, "?#"):
		return errors.New("path has a query or a fragment; the endpoint's URL may have a query")
	case err != nil || strings.ContainsFunc(r.Path, func(c rune) bool { return c <= ' ' || c == '\\' || c >= 0x7f }):
		return errors.New("path has characters that a URL has in percent-encoding only (@uri)")
	case slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }):
		return errors.New("path has . or .. for a part")
	}
	return nil
}

func (r *Request) takeHeaders(o *jq.Object) error {
	v := o.Get("headers")
	if v == nil {
		return nil
	}
	given, ok := v.(*jq.Object)
	if !ok {
		return errors.New("headers is no object of names and texts")
	}
	for _, name := range given.Keys() {
		switch v := given.Get(name).(type) {
		case nil:
		case string:
			r.Headers = append(r.Headers, setting.Header{Name: name, Value: v})
		case []any, *jq.Object:
			return errors.New("headers has a value that is no text")
		default:
			raw, _ := jq.Encode(v, maxPath) // a number, or true or false
			r.Headers = append(r.Headers, setting.Header{Name: name, Value: string(raw)})
		}
	}
	return nil
}

func (r *Request) takeBody(o *jq.Object) (err error) {
	if r.ContentType, err = text(o, "content_type"); err != nil {
		return err
	}
	if r.ContentType != "" && !event.IsMediaType(r.ContentType) {
		return errors.New("content_type is no media type such as application/json")
	}
	body := o.Get("body")
	raw, isText := body.(string)
	switch {
	case body == nil:
		return nil
	case isText && (r.ContentType == "" || !event.IsJSON(r.ContentType)):
		if r.ContentType == "" {
			r.ContentType = "text/plain; charset=utf-8"
		}
		if r.Body = []byte(raw); len(raw) > MaxBody {
			return errLarge
		}
		return nil
	}
	if r.ContentType == "" {
		r.ContentType = "application/json"
	}
	var fits bool
	if r.Body, fits = jq.Encode(body, MaxBody); !fits {
		return errLarge
	}
	return nil
}

var errLarge = errors.New("body has more than 1 MiB, or is nested too deep")

// Join is where the request goes: its path behind that of a URL, in front of a query.
func (r *Request) Join(address string) string {
	if r.Path == "" {
		return address
	}
	base, query, has := strings.Cut(address, "?")
	base = strings.TrimSuffix(base, "/") + "/" + strings.TrimPrefix(r.Path, "/")
	if has {
		base += "?" + query
	}
	return base
}
