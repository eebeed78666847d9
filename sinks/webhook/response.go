package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/delivery"
)

const (
	maxRead    = 64 << 10 // of an answer's body; a connection with more behind it is closed
	maxKept    = 4 << 10
	maxHeaders = 4 << 10 // of an answer, kept
)

var readBuffers = sync.Pool{New: func() any { return new([maxRead]byte) }}

// read makes a response of an answer to a request. whole is true when its body was read to the end, so
// that the connection can be used again.
func read(ctx context.Context, r *delivery.Request, a answer) (res delivery.Response, whole bool) {
	meaning := r.Meaning(a.status, a.delayed)
	res = delivery.Response{Status: a.status, RetryAfter: a.wait, Reason: meaning.Reason, Detail: meaning.Detail}
	var headers delivery.Headers
	if wanted := r.Whole || res.Reason != ""; wanted || a.partial { // they are gone once the body is read
		if headers = a.headers(); wanted {
			res.Headers = headers
		}
	}
	if a.status == http.StatusSwitchingProtocols {
		return res, false // what follows is no body
	}
	text, binary, whole, err := readBody(a.body)
	if err != nil && (res.Reason == "" || ctx.Err() != nil) {
		// Success is only what arrived whole; a failure is what it was.
		res = failed(ctx, a.status, err)
		if res.Headers = headers; headers == "" {
			res.Headers = a.headers()
		}
	}
	res.Body, res.Binary = text, binary
	return res, whole
}

// readBody reads a bounded part of a body and returns its beginning, as text where it is one.
func readBody(body io.Reader) (text, binary string, whole bool, err error) {
	if body == nil {
		return "", "", true, nil
	}
	buf := readBuffers.Get().(*[maxRead]byte)
	defer readBuffers.Put(buf)
	n := 0
	for n < maxRead && err == nil {
		var more int
		more, err = body.Read(buf[n:])
		n += more
	}
	if err == io.EOF {
		whole, err = true, nil
	}
	kept := buf[:min(n, maxKept)]
	text, ok := readable(kept, n > maxKept || !whole)
	if !ok {
		binary = string(kept)
	}
	return text, binary, whole, err
}

// readable makes text of what is UTF-8 without NUL, and of nothing else: what would move a
// terminal's cursor becomes U+FFFD. Of cut text the last, incomplete character is dropped.
func readable(b []byte, cut bool) (text string, ok bool) {
	if cut {
		for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
			if c := b[len(b)-i]; utf8.RuneStart(c) {
				if !utf8.FullRune(b[len(b)-i:]) {
					b = b[:len(b)-i]
				}
				break
			}
		}
	}
	if !utf8.Valid(b) || bytes.IndexByte(b, 0) >= 0 {
		return "", false
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, string(b)), true
}

// retryAfter reads both forms of Retry-After (RFC 9110, 10.2.3); false when it is absent or
// cannot be read.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" { // as nearly always; what follows would make five errors of it
		return 0, false
	}
	if seconds, err := strconv.ParseUint(v, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) { // beyond the range it is the largest
		return time.Duration(min(seconds, math.MaxInt64/uint64(time.Second))) * time.Second, true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}
