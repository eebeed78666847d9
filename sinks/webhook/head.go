package webhook

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"time"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/header"
)

// An answer is what an endpoint said, its body not read yet.
type answer struct {
	status  int
	wait    time.Duration // of its Retry-After
	delayed bool          // it had one that can be read
	body    io.Reader     // nil where there is none
	closes  bool          // the connection ends with it

	fields  []byte      // its headers where it is plain, as they came; not to be looked at once the body is read
	header  http.Header // where it is not
	partial bool        // it is plain, and its body has not come whole
}

func answerOf(res *http.Response) answer {
	a := answer{status: res.StatusCode, closes: res.Close, header: res.Header}
	a.wait, a.delayed = retryAfter(res.Header, time.Now())
	if res.ContentLength != 0 && res.Body != http.NoBody {
		a.body = res.Body
	}
	return a
}

// readPlain reads the head of an answer as nearly every receiver writes it: all of it has come,
// and nothing in it asks for more than status and length. Otherwise ok is false, nothing was
// taken, and net/http has to read it. What is accepted here net/http reads alike, at ten times
// the cost; FuzzPlain holds the two against each other.
func readPlain(r *bufio.Reader) (a answer, ok bool, err error) {
	if _, err := r.Peek(1); err != nil {
		return a, false, err
	}
	text, _ := r.Peek(r.Buffered())
	end := bytes.Index(text, []byte("\r\n\r\n"))
	if end < 0 {
		return a, false, nil
	}
	line, fields, _ := bytes.Cut(text[:end], []byte("\r\n"))
	if a.status, ok = plainStatus(line); !ok {
		return a, false, nil
	}
	a.fields = fields
	length := -1
	for len(fields) > 0 {
		line, fields, _ = bytes.Cut(fields, []byte("\r\n"))
		if !plainField(line, &length) {
			return a, false, nil
		}
	}
	switch {
	case a.status == http.StatusNoContent || a.status == http.StatusNotModified || length == 0:
	case length < 0:
		return a, false, nil
	default:
		a.body = &counted{r, length}
	}
	_, _ = r.Discard(end + len("\r\n\r\n")) // they are in the buffer
	a.partial = a.body != nil && length > r.Buffered()
	return a, true, nil
}

// headers are those of the answer, a bounded part: what does not fit is left out.
func (a *answer) headers() delivery.Headers {
	b := make([]byte, 0, 512)
	add := func(name, value string) { b = delivery.AppendHeader(b, maxHeaders, name, value) }
	for line, rest, _ := bytes.Cut(a.fields, []byte("\r\n")); len(line) > 0; line, rest, _ = bytes.Cut(rest, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		add(textproto.CanonicalMIMEHeaderKey(string(name)), string(bytes.Trim(value, " \t")))
	}
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		for _, value := range a.header[name] {
			add(name, value)
		}
	}
	return delivery.Headers(b)
}

// plainStatus reads HTTP/1.1 200 OK and its like. Hints (1xx) are not for it.
func plainStatus(line []byte) (status int, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !ok || len(rest) < 4 || rest[3] != ' ' || !header.ValidValue(rest) {
		return 0, false
	}
	for _, c := range rest[:3] {
		if c < '0' || c > '9' {
			return 0, false
		}
		status = 10*status + int(c-'0')
	}
	return status, status >= 200
}

// plainField takes one line of the head, and its value where it is the length.
func plainField(line []byte, length *int) bool {
	name, value, ok := bytes.Cut(line, []byte(":"))
	value = bytes.Trim(value, " \t")
	if !ok || !header.ValidName(name) || !header.ValidValue(value) {
		return false
	}
	is := func(other string) bool { return len(name) == len(other) && bytes.EqualFold(name, []byte(other)) }
	switch {
	case is("Content-Length"):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil || *length >= 0 {
			return false
		}
		*length = int(n)
	case is("Connection"):
		return bytes.EqualFold(value, []byte("keep-alive"))
	case is("Transfer-Encoding"), is("Trailer"), is("Retry-After"):
		return false
	}
	return true
}

// A counted body ends after so many bytes, and not before.
type counted struct {
	r    io.Reader
	left int
}

func (b *counted) Read(p []byte) (int, error) {
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	switch {
	case b.left == 0:
		return n, io.EOF
	case err == io.EOF:
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}
