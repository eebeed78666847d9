package provider

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
)

// DefaultMaxBody is the largest body where neither the source nor the provider's file says.
const DefaultMaxBody = 1 << 20

// byteOrderMark is what many programs of Windows begin a text in UTF-8 with.
var byteOrderMark = []byte("\xef\xbb\xbf")

// unpack takes a gzip Content-Encoding off. A body is signed as it came, so this happens
// only after the signature has held, or where the signature is inside the body.
func unpack(r *Request, limit int64) ([]byte, *Refusal) {
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
		return r.Body, nil
	case "gzip", "x-gzip":
	default:
		return nil, &Refusal{MediaType, "the Content-Encoding is not one that we know; gzip is"}
	}
	packed, err := gzip.NewReader(bytes.NewReader(r.Body))
	if err != nil {
		return nil, &Refusal{InvalidBody, "the gzip body cannot be read"}
	}
	data, err := io.ReadAll(io.LimitReader(packed, limit+1))
	switch {
	case err != nil:
		return nil, &Refusal{InvalidBody, "the gzip body cannot be read"}
	case int64(len(data)) > limit:
		return nil, &Refusal{TooLarge, fmt.Sprintf("the gzip body of %d bytes unpacks to more than the %d that the source takes (max_body)", len(r.Body), limit)}
	}
	return data, nil
}
