package scheme

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
)

// Sign writes a signature where Verify looks for it, or one with each key where the form can hold
// several.
func (s *signed) Sign(x *Exchange) error {
	s.signItems(x, s.content)
	for _, p := range s.content.parts {
		if p.kind == "header" && !x.blank && x.Header(p.arg) == "" {
			x.Request.Header.Set(p.arg, NewUUID())
		}
	}
	n := 1
	if s.Version != "" {
		n = s.keys.count()
	}
	x.text = x.text[:0]
	for i := range n {
		sum, missing, err := s.keys.sign(x, &s.content, i)
		if missing != nil {
			return fmt.Errorf("sign: the content needs the %s", missing)
		}
		if err != nil {
			return err
		}
		if i > 0 {
			x.text = append(x.text, ' ')
		}
		s.write(x, sum)
	}
	return s.place(x)
}

// write appends one signature as it is written to x.text.
func (s *signature) write(x *Exchange, sum []byte) {
	switch {
	case s.Packed:
	case s.Item != "":
		for _, i := range x.items {
			x.text = append(append(s.begin(x.text, i.name), i.value...), s.quote...)
			x.text = append(x.text, s.Separator...)
		}
		x.text = s.begin(x.text, s.Item)
	case s.First != "":
		x.text = append(append(x.text, x.item(s.First)...), s.Separator...)
	case s.Version != "":
		x.text = append(append(x.text, s.Version...), ',')
	}
	if s.lead != nil {
		x.text, _ = s.lead.append(x.text, x)
	} else {
		x.text = append(x.text, s.Prefix...)
	}
	switch s.Encoding {
	case "base64":
		x.text = base64.StdEncoding.AppendEncode(x.text, sum)
	case "base64url":
		x.text = base64.RawURLEncoding.AppendEncode(x.text, sum)
	default:
		x.text = hex.AppendEncode(x.text, sum)
	}
	x.text = append(x.text, s.quote...)
	if s.Packed {
		x.text = pack(x, s.Item)
	}
}

// pack writes the members of a list, and the signature that x.text holds as one of them, as a packed one.
func pack(x *Exchange, name string) []byte {
	members := map[string]string{name: string(x.text)}
	for _, i := range x.items {
		members[i.name] = i.value
	}
	raw, _ := json.Marshal(members) // of texts it always works
	return base64.StdEncoding.AppendEncode(nil, raw)
}

// begin appends what stands in front of a member's value.
func (s *signature) begin(text []byte, name string) []byte {
	return append(append(append(text, name...), '='), s.quote...)
}

// place puts x.text into the request.
func (s *signature) place(x *Exchange) error {
	switch {
	case s.Numbered:
		x.setHeader(s.names[0]+"-1", string(x.text))
	case s.from == nil:
		x.setHeader(s.names[0], string(x.text))
	case s.from.parts[0].kind == "query":
		x.addQuery(s.from.parts[0].arg, string(x.text))
	default:
		return s.placeInside(x, string(x.text))
	}
	return nil
}

// PlaceOfSignature stands in a sample's body where its signature goes.
const PlaceOfSignature = "${signature}"

// PlaceOfToken stands where the secret itself goes.
const PlaceOfToken = "${token}"

func (s *signature) placeInside(x *Exchange, text string) error {
	if !bytes.Contains(x.Request.Body, []byte(PlaceOfSignature)) {
		return errors.New("sign: the body has no place for its signature, " + PlaceOfSignature)
	}
	if s.from.parts[0].kind == "form" {
		text = url.QueryEscape(text)
	}
	x.Request.Body = bytes.Replace(x.Request.Body, []byte(PlaceOfSignature), []byte(text), 1)
	return nil
}

// setHeader sets a header by its canonical name. One slice holds the values of all of them.
func (x *Exchange) setHeader(name, value string) {
	x.lines = append(x.lines, value)
	n := len(x.lines)
	x.Request.Header[name] = x.lines[n-1 : n : n]
}

// signItems gives the items that the content names a value, the time of signing.
func (s *signature) signItems(x *Exchange, content Template) {
	x.items = x.items[:0]
	at := x.Request.Received.Unix()
	if s.Millis {
		at = x.Request.Received.UnixMilli()
	}
	for _, p := range content.parts {
		switch p.kind {
		case "item":
			x.items = append(x.items, item{p.arg, strconv.FormatInt(at, 10)})
		case "lines":
			s.signLines(x, p.arg)
		}
	}
}
