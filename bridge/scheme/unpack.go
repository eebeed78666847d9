package scheme

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// DefaultMaxBody is the largest body where neither the source nor the provider's file says.
const DefaultMaxBody = 1 << 20

// Packed reads Content-Encoding: whether a body has to be unpacked, and what it names that we
// cannot unpack. Senders also write a charset there, which says nothing of the bytes.
func Packed(h http.Header) (packed bool, unknown string) {
	for _, line := range h["Content-Encoding"] {
		for one := range strings.SplitSeq(line, ",") {
			switch one = strings.TrimSpace(one); strings.ToLower(one) {
			case "", "identity":
			case "gzip", "x-gzip":
				if packed {
					return false, "gzip twice"
				}
				packed = true
			default:
				if !misplaced.MatchString(one) {
					return false, one
				}
			}
		}
	}
	return packed, ""
}

// misplaced is what stands in Content-Encoding by mistake: a charset, a transfer encoding of
// mail, a media type.
var misplaced = regexp.MustCompile(`(?i)^(charset=)?"?(utf-?\d+([bl]e)?|us-ascii|ascii|iso-?8859-\d+|latin-?\d|windows-\d+|cp-?\d+)"?$|^(none|plain|text|json|binary|[78]bit)$|^(application|text)/[a-z0-9.+-]+$`)

// Unpack takes a gzip Content-Encoding off. A body is signed as it came, so this happens
// only after the signature has held, or where the signature is inside the body.
func Unpack(r *Request, limit int64) ([]byte, *Refusal) {
	switch isPacked, unknown := Packed(r.Header); {
	case unknown != "":
		return nil, &Refusal{MediaType, "the Content-Encoding is not one that we know; gzip is"}
	case !isPacked:
		return r.Body, nil
	}
	if !r.Take(inflateCost) {
		return nil, NoMemory()
	}
	packed, err := gzip.NewReader(bytes.NewReader(r.Body))
	if err != nil {
		return nil, &Refusal{InvalidBody, "Content-Encoding says gzip, but the body is none"}
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

// NoMemory is the refusal of a request for which there is no room.
func NoMemory() *Refusal { return &Refusal{TooLarge, "there is no memory to unpack the body"} }

// inflate reads up to one byte more than the limit. Room is asked for before it is made.
func inflate(r *Request, packed io.Reader, limit int64) (data []byte, _ *Refusal) {
	for room := min(limit+1, max(4<<10, 2*int64(len(r.Body)))); ; room = min(limit+1, 2*room) {
		if !r.Take(room - int64(cap(data))) {
			return nil, NoMemory()
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
