package provider

import (
	"bytes"
	"compress/gzip"
	"errors"
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
	if !r.take(inflateCost) {
		return nil, noMemory()
	}
	packed, err := gzip.NewReader(bytes.NewReader(r.Body))
	if err != nil {
		return nil, &Refusal{InvalidBody, "the gzip body cannot be read"}
	}
	data, refusal := inflate(r, packed, limit)
	switch {
	case refusal != nil:
		return nil, refusal
	case int64(len(data)) > limit:
		return nil, &Refusal{TooLarge, fmt.Sprintf("the gzip body of %d bytes unpacks to more than the %d that the source takes (max_body)", len(r.Body), limit)}
	}
	return data, nil
}

func noMemory() *Refusal { return &Refusal{TooLarge, "there is no memory to unpack the body"} }

// inflate reads up to one byte more than the limit. Room is asked for before it is made.
func inflate(r *Request, packed io.Reader, limit int64) (data []byte, _ *Refusal) {
	for room := min(limit+1, max(4<<10, 2*int64(len(r.Body)))); ; room = min(limit+1, 2*room) {
		if !r.take(room - int64(cap(data))) {
			return nil, noMemory()
		}
		larger := make([]byte, len(data), room)
		copy(larger, data)
		data = larger
		for len(data) < cap(data) {
			n, err := packed.Read(data[len(data):cap(data)])
			data = data[:len(data)+n]
			switch {
			case errors.Is(err, io.EOF):
				return data, nil
			case err != nil:
				return nil, &Refusal{InvalidBody, "the gzip body cannot be read"}
			}
		}
		if int64(len(data)) > limit {
			return data, nil
		}
	}
}
