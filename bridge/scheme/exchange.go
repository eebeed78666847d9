package scheme

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// An Exchange is one request while it is being judged. Everything is decoded at most once,
// and only when somebody asks.
type Exchange struct {
	Request *Request
	Setup   *Setup

	own   Request  // of a request that is signed, so that it needs no memory of its own
	blank bool     // a value that is missing is an empty text
	lines []string // values of headers that were set

	url    string // the form of the URL that is being tried
	secret []byte // the secret that is being tried
	items  []item // the signature header's list, of the scheme that was tried last
	group  int    // which of several such lists is tried
	groups int    // how many there are
	Short  bool   // there was no memory for something
	copied bool   // there was memory for a copy of the body

	salvaged bool   // values that could not be read are missing
	Held     []held // the schemes that have held
	Member   bool   // this is one of a batch

	Data      []byte // the body unpacked, and decrypted where the provider encrypts
	unpacked  bool
	Decrypted bool
	FromQuery bool     // there was no body: data is the query
	failure   *Refusal // of the unpacking

	Values   []pointer.Value
	Kind     pointer.Kind // of the JSON document; Absent when there is none
	Scanned  bool
	form     url.Values
	formRead bool
	query    url.Values
	torn     bool // a part of the query cannot be read, and others may read it

	scratch    []byte
	sums       []byte
	signatures [][]byte
	decoded    []byte
	text       []byte   // a signature as it is written
	prefix     string   // that stands in front of signatures
	more       bool     // there were more signatures than are compared
	unkeyed    *Refusal // why there was no key to verify with
}

type item struct{ name, value string }

// Reset begins with another request; what was allocated for the last one is used again.
func (x *Exchange) Reset(s *Setup, r *Request) {
	*x = Exchange{
		Request: r, Setup: s, url: r.URL, Held: x.Held[:0],
		items: x.items[:0], Values: x.Values, scratch: x.scratch[:0], sums: x.sums[:0],
		signatures: x.signatures[:0], decoded: x.decoded[:0], text: x.text[:0],
	}
	if n := s.Set.Len(); cap(x.Values) < n {
		x.Values = make([]pointer.Value, n)
	} else {
		x.Values = x.Values[:n]
	}
}

// part returns one value of the request, or false when it is absent or empty.
func (x *Exchange) part(p *part) (string, bool) {
	s, ok := x.plainPart(p)
	switch {
	case p.filter == "":
	case p.filter == "empty":
		ok = ok || !x.salvaged
	case !ok:
	case p.filter == "lower":
		s = strings.ToLower(s)
	case p.filter == "parent":
		i := strings.LastIndexByte(s, '/')
		if i <= 0 {
			return "", false
		}
		s = s[:i]
	}
	return s, ok
}

func (x *Exchange) plainPart(p *part) (string, bool) {
	var s string
	switch p.kind {
	case "":
		return p.arg, true
	case "header":
		s = x.Header(p.arg)
	case "json":
		x.Scan()
		s = x.textOf(x.Values[p.slot])
	case "item":
		s = x.item(p.arg)
	case "query":
		s = firstOf(x.queryValues()[p.arg])
	case "form":
		s = firstOf(x.FormValues()[p.arg])
	case "body":
		s = string(x.Request.Body)
	case "unpacked":
		s = string(x.Body())
	case "url":
		s = x.url
	case "bare-url":
		s = bareURL(x.url)
	case "path":
		s = pathOf(x.url)
	case "sorted-query", "qsh":
		switch {
		case x.queryBroken():
		case p.kind == "qsh":
			s = x.queryHash()
		default:
			s = x.sortedQuery()
		}
	case "lines":
		return x.signedLines(p.arg)
	case "headers":
		return x.listedHeaders(p.arg)
	case "maybe":
		return x.maybe(p.inner)
	case "method":
		s = x.Request.Method
	case "secret":
		s = string(x.secret)
	case "rate":
		s = x.Setup.Rate
	case "sorted-form", "sorted-fields":
		return x.sortedForm(p.kind == "sorted-fields")
	case "if", "unless":
		_, ok := p.inner.Value(x)
		return "", ok == (p.kind == "if")
	case "hmac":
		return x.hmacOf(p)
	case "hash":
		return x.hashOf(p)
	case "crc32":
		return x.checksumOf(p)
	}
	return s, s != ""
}

// textOf is the text of a JSON value.
func (x *Exchange) textOf(v pointer.Value) string {
	if plain, ok := v.Plain(); ok {
		return x.Request.Texts.Copy(plain)
	}
	return v.Text()
}

func firstOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// Header is what the lines of one name say together. Host is that of the URL: net/http keeps it out of
// the headers, and proxies write their own.
func (x *Exchange) Header(name string) string {
	if name == "Host" && x.Request.URL != "" {
		_, host, _ := cutURL(x.Request.URL)
		return host
	}
	return OneLine(x.Request.Header[name])
}

// OneLine is what the lines of a header say together: a list (RFC 9110, 5.3). A line that is
// only repeated, as some proxies do, says nothing more.
func OneLine(lines []string) string {
	if len(lines) <= 1 {
		return firstOf(lines)
	}
	if !slices.ContainsFunc(lines, func(line string) bool { return line != lines[0] }) {
		return lines[0]
	}
	return strings.Join(lines, ", ")
}

func (x *Exchange) item(name string) string {
	for i := range x.items {
		if x.items[i].name == name {
			return x.items[i].value
		}
	}
	return ""
}

func (x *Exchange) queryValues() url.Values {
	if x.query == nil {
		_, raw, _ := strings.Cut(x.Request.URL, "?")
		raw, _, _ = strings.Cut(raw, "#")
		var err error
		x.query, err = url.ParseQuery(raw) // what can be read of it
		x.torn = err != nil
	}
	return x.query
}

// FormValues returns nil where the body is no form. A body that begins like JSON never is
// one, whatever its Content-Type says, because nobody signs that header.
func (x *Exchange) FormValues() url.Values {
	if x.formRead {
		return x.form
	}
	x.formRead = true
	if x.FromQuery {
		x.form, _ = url.ParseQuery(string(x.Data)) // what can be read of it
		return x.form
	}
	body := bytes.TrimLeft(bytes.TrimPrefix(x.Body(), pointer.ByteOrderMark), " \t\r\n")
	media := MediaOf(x.Header("Content-Type"))
	if len(body) > 0 && (body[0] == '{' || body[0] == '[' || body[0] == '"') || (media != "" && media != FormType) {
		return nil
	}
	if !x.Take(int64(bytes.Count(body, []byte("&"))+1)*fieldCost + 2*int64(len(body))) {
		return nil
	}
	if form, err := url.ParseQuery(string(x.Body())); err == nil {
		x.form = form
	}
	return x.form
}

const FormType = "application/x-www-form-urlencoded"

// MediaOf is the media type of a Content-Type, without its parameters.
func MediaOf(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// Scan reads the JSON values that the provider's file names out of the document.
func (x *Exchange) Scan() {
	if !x.Scanned {
		x.scanOf(x.Document())
	}
}

// Document is the body or, where the provider may send its JSON in a form, the form's field.
func (x *Exchange) Document() []byte {
	if field := x.Setup.DocumentField; field != "" {
		if text := firstOf(x.FormValues()[field]); text != "" {
			return []byte(text)
		}
	}
	return x.Body()
}

// Salvage reads the values out of a document that would be JSON but for bytes that are no UTF-8. Values
// that have such bytes themselves are left out: two of them could look alike.
func (x *Exchange) Salvage() {
	doc := x.Document()
	if utf8.Valid(doc) || !x.Take(2*int64(len(doc))) {
		return
	}
	x.scanOf(bytes.ToValidUTF8(doc, []byte(string(utf8.RuneError))))
	for i, v := range x.Values {
		if strings.ContainsRune(v.Text(), utf8.RuneError) {
			x.Values[i] = pointer.Value{}
		}
	}
	x.Kind, x.salvaged = pointer.Absent, true
}

func (x *Exchange) scanOf(doc []byte) bool {
	x.Scanned = true
	kind, err := x.Setup.Set.Scan(doc, x.Values)
	x.Kind = kind
	return err == nil
}

// Body returns what is published, unpacking it where it came packed.
func (x *Exchange) Body() []byte {
	if !x.unpacked {
		x.unpacked = true
		if x.Data, x.failure = Unpack(x.Request, x.Setup.MaxBody); x.failure != nil {
			x.Data = nil
		}
	}
	return x.Data
}

// Unpack is Body, or why it cannot be unpacked.
func (x *Exchange) Unpack() *Refusal {
	x.Body()
	return x.failure
}

// DecryptedTo replaces the body by its plaintext, or by what the token says that it is.
func (x *Exchange) DecryptedTo(plain []byte) {
	x.Data, x.unpacked, x.Decrypted = plain, true, true
	x.formRead, x.form = false, nil
}

// addQuery appends a parameter to the URL, for a sample that carries its signature there.
func (x *Exchange) addQuery(name, value string) {
	separator := "?"
	if strings.Contains(x.Request.URL, "?") {
		separator = "&"
	}
	x.Request.URL += separator + url.QueryEscape(name) + "=" + url.QueryEscape(value)
	x.url, x.query = x.Request.URL, nil
}

// outgoing takes a request that is being sent for the one that is judged.
func (x *Exchange) outgoing(s *Setup, o Outgoing) {
	x.Reset(s, &x.own)
	x.own = Request{Method: o.Method, URL: SmallURL(o.URL), Header: o.Header, Body: o.Body, Received: o.Time}
	x.url, x.lines, x.blank = x.own.URL, o.Lines, true
}

// restart forgets what was read of the request.
func (x *Exchange) restart() {
	own, lines, blank := x.own, x.lines, x.blank
	x.Reset(x.Setup, x.Request)
	x.own, x.lines, x.blank = own, lines, blank
	x.url = x.Request.URL
}
