package request

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/provider"
)

var (
	errRequestLine = errors.New("want a request line such as POST /webhooks/shop HTTP/1.1")
	errHeaders     = errors.New("want headers as Name: value, then an empty line, then the body")
)

// readRequest takes a request apart as it was saved. The body is what follows the empty line,
// to the last byte, or to Content-Length where an editor has added a line break at the end.
func readRequest(r *provider.Request, text []byte) error {
	in := bufio.NewReader(bytes.NewReader(text))
	tp := textproto.NewReader(in)
	line, err := tp.ReadLine()
	words := strings.Fields(line)
	if err != nil || len(words) < 2 {
		return errRequestLine
	}
	header, err := tp.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return errHeaders
	}
	r.Method, r.URL, r.Header = words[0], words[1], http.Header(header)
	if r.Body, err = io.ReadAll(in); err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	if n, err := strconv.Atoi(r.Header.Get("Content-Length")); err == nil && n >= 0 && n < len(r.Body) {
		r.Body = r.Body[:n]
	}
	return nil
}
