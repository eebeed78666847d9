package scheme

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// maxSignatures bounds the work that one request can ask for; DocuSign sends as many.
const maxSignatures = 100

// mostGroups bounds how often the content of one request is hashed.
const mostGroups = 8

// A signatureSpec says where a signature is written and how. Without item, first, version and
// numbered it is the bare value, behind a prefix if there is one.
type signatureSpec struct {
	Header    declaration.List `yaml:"header" doc:"The header that holds the signature; of several names the first one that is there." example:"header: [X-Acme-Signature, Acme-Signature]"`
	In        string           `yaml:"in" doc:"Where the signature stands instead, if it is in no header: a parameter of the query, a field of a form or a JSON pointer." example:"in: 'query:signature'"`
	Prefix    string           `yaml:"prefix" doc:"What stands in front of the signature." example:"header: X-Acme-Signature, prefix: sha256="`
	Item      string           `yaml:"item" doc:"The member that holds the signature in a list like t=…,v1=…; the others are {item:t} in the content." example:"header: X-Acme-Signature, item: v1, content: '{item:t}.{body}'"`
	Millis    bool             `yaml:"millis" doc:"The vendor writes the time among those others in milliseconds; where it is read, either counts." example:"header: X-Acme-Signature, item: v1, content: '{item:t}.{body}', millis: true"`
	Packed    bool             `yaml:"packed" doc:"That list is a JSON object of texts, in base64." example:"header: X-Acme-Signature, item: signature, packed: true"`
	Separator string           `yaml:"separator" doc:"What separates the members of such a list, or several signatures; a comma unless it says otherwise." example:"header: X-Acme-Signature, item: h1, separator: ;"`
	Groups    bool             `yaml:"groups" doc:"There may be several such lists, with white space between them: each holds signatures over its own members." example:"header: X-Acme-Signature, item: v1, content: '{item:t}.{body}', groups: true"`
	First     string           `yaml:"first" doc:"The list is bare, and its first member is no signature: the name that it has in the content. Those behind it are signatures." example:"header: X-Acme-Signature, first: t, content: '{item:t}.{body}'"`
	Version   string           `yaml:"version" doc:"The version that counts in a list like v1,… v1a,… between spaces." example:"header: X-Acme-Signature, version: v1"`
	Numbered  bool             `yaml:"numbered" doc:"There are several headers, Name-1, Name-2 and so on." example:"header: X-Acme-Signature, numbered: true"`
	Encoding  string           `yaml:"encoding" words:"hex base64 base64url" doc:"How the signature is written; hex unless it says otherwise." example:"header: X-Acme-Signature, encoding: base64"`
}

// signature reads and writes signatures of one form.
type signature struct {
	signatureSpec
	names []string
	quote string // around the values of a list
	from  *Template
	lead  *Template // a prefix with values of the request in it; nil where it is the same in all
	most  int       // of one request that are compared
}

func (c *Compiler) signature(spec signatureSpec) (*signature, error) {
	s := &signature{signatureSpec: spec, most: maxSignatures}
	for _, name := range spec.Header {
		if name != "" {
			s.names = append(s.names, http.CanonicalHeaderKey(name))
		}
	}
	var err error
	if s.from, err = c.Optional(spec.In); err != nil {
		return nil, err
	}
	if c.Values != nil && strings.Contains(s.Prefix, "{") {
		lead, err := c.Template(s.Prefix)
		if err != nil {
			return nil, fmt.Errorf("prefix: %w", err)
		}
		s.lead = &lead
	}
	if (len(s.names) == 0) == (s.from == nil) {
		return nil, fmt.Errorf("header: one header, or in, must say where the signature is")
	}
	forms := 0
	for _, set := range []bool{spec.Item != "", spec.First != "", spec.Version != "", spec.Numbered} {
		if set {
			forms++
		}
	}
	if forms > 1 {
		return nil, fmt.Errorf("item, first, version, numbered: a signature has one of these forms")
	}
	if spec.Groups && spec.Item == "" {
		return nil, fmt.Errorf("groups: they are of lists that item names a member of")
	}
	if spec.Packed && (spec.Item == "" || spec.Groups) {
		return nil, fmt.Errorf("packed: it is one list that item names a member of")
	}
	if s.Separator == "" {
		s.Separator = ","
	}
	switch s.Encoding {
	case "":
		s.Encoding = "hex"
	case "hex", "base64", "base64url":
	default:
		return nil, fmt.Errorf("encoding: %q is unknown, use hex, base64 or base64url", s.Encoding)
	}
	return s, nil
}

// read decodes the signatures of a request into x.signatures, where there are groups those of x.group.
// Several lines of the header are one list, and so are values between commas (RFC 9110, 5.3).
func (s *signature) read(x *Exchange) *Refusal {
	x.signatures, x.decoded, x.items, x.groups, x.more = x.signatures[:0], x.decoded[:0], x.items[:0], 0, false
	x.prefix = s.Prefix
	if s.lead != nil {
		x.prefix, _ = s.lead.Value(x)
	}
	if s.Numbered {
		return s.readNumbered(x)
	}
	if s.from != nil {
		value, _ := s.from.Value(x)
		if value == "" {
			return &Refusal{NoSignature, "the value " + s.from.String() + " is missing"}
		}
		s.readLine(x, value)
		return s.found(x, "the value "+s.from.String())
	}
	for _, name := range s.names {
		if lines := x.Request.Header[name]; slices.ContainsFunc(lines, func(line string) bool { return line != "" }) {
			for _, line := range lines {
				s.readLine(x, line)
			}
			return s.found(x, "header "+name)
		}
	}
	return &Refusal{NoSignature, "header " + s.names[0] + " is missing"}
}

// readNumbered looks at what is there, so that gaps between the numbers do not matter.
func (s *signature) readNumbered(x *Exchange) *Refusal {
	there := false
	for name, lines := range x.Request.Header {
		digits, ok := strings.CutPrefix(name, s.names[0]+"-")
		n, err := strconv.Atoi(digits)
		if !ok || err != nil || n < 1 || strconv.Itoa(n) != digits {
			continue
		}
		if n > maxSignatures {
			x.more = true
			continue
		}
		there = true
		for _, line := range lines {
			s.readLine(x, line)
		}
	}
	if !there {
		return &Refusal{NoSignature, "header " + s.names[0] + "-1 is missing"}
	}
	return s.found(x, "header "+s.names[0]+"-1, -2, …")
}

func (s *signature) readLine(x *Exchange, line string) {
	switch {
	case s.Groups:
		for group := range strings.FieldsSeq(line) {
			if x.groups++; x.groups-1 == x.group {
				s.readItems(x, group)
			}
		}
	case s.Packed:
		s.readPacked(x, line)
	case s.Item != "":
		s.readItems(x, line)
	case s.First != "":
		s.readBare(x, line)
	case s.Version != "":
		s.readVersions(x, line)
	case !s.Take(x, line):
		if !strings.Contains(line, s.Separator) {
			return
		}
		for one := range strings.SplitSeq(line, s.Separator) {
			s.Take(x, strings.TrimSpace(one))
		}
	}
}

func (s *signature) readItems(x *Exchange, list string) {
	for entry := range strings.SplitSeq(list, s.Separator) {
		for entry != "" {
			end := endOfMember(entry)
			name, value, ok := strings.Cut(strings.Trim(entry[:end], ", \t"), "=")
			entry = entry[end:]
			if !ok || len(x.items) >= 4*maxSignatures {
				continue
			}
			value = unquoted(value)
			x.items = append(x.items, item{name, value})
			if name == s.Item {
				s.Take(x, value)
			}
		}
	}
}

// maxPacked bounds a packed list in bytes; those of vendors have some hundred.
const maxPacked = 4 << 10

func (s *signature) readPacked(x *Exchange, text string) {
	if len(text) > maxPacked {
		return
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	var members map[string]any
	if err != nil || json.Unmarshal(raw, &members) != nil {
		return
	}
	for name, value := range members {
		if value, ok := value.(string); ok && len(x.items) < 4*maxSignatures {
			x.items = append(x.items, item{name, value})
		}
	}
	if value, ok := members[s.Item].(string); ok {
		s.Take(x, value)
	}
}

// unquoted is a value without the quotes around it.
func unquoted(value string) string {
	if inner, ok := strings.CutPrefix(value, `"`); ok {
		if inner, ok = strings.CutSuffix(inner, `"`); ok {
			return inner
		}
	}
	return value
}

// readBare takes a list whose first member is none of the signatures.
func (s *signature) readBare(x *Exchange, list string) {
	first, rest, _ := strings.Cut(list, s.Separator)
	if len(x.items) < maxSignatures {
		x.items = append(x.items, item{s.First, strings.TrimSpace(first)})
	}
	for rest != "" {
		var one string
		one, rest, _ = strings.Cut(rest, s.Separator)
		s.Take(x, strings.TrimSpace(one))
	}
}

// endOfMember finds the comma behind which another member begins, where lines of a list with another
// separator were joined; a value may have commas.
func endOfMember(list string) int {
	comma := 0
	for i := range len(list) {
		switch {
		case list[i] == ',':
			comma = i
		case list[i] == '=' && comma > 0:
			return comma
		}
	}
	return len(list)
}

// readVersions takes v1,… v1,… also where lines were joined with commas.
func (s *signature) readVersions(x *Exchange, list string) {
	next := false
	for word := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' }) {
		if next {
			s.Take(x, word)
		}
		next = !next && word == s.Version
	}
}

// Take decodes one signature; what cannot be decoded matches nothing and is left out.
func (s *signature) Take(x *Exchange, text string) bool {
	text, ok := strings.CutPrefix(text, x.prefix)
	if !ok || text == "" || len(text) > 1024 {
		return false
	}
	if len(x.signatures) == s.most {
		x.more = true
		return false
	}
	start := len(x.decoded)
	x.scratch = append(x.scratch[:0], text...)
	var err error
	switch s.Encoding {
	case "base64":
		x.decoded, err = base64.StdEncoding.Strict().AppendDecode(x.decoded, x.scratch)
	case "base64url":
		x.decoded, err = base64.RawURLEncoding.Strict().AppendDecode(x.decoded, []byte(strings.TrimRight(text, "=")))
	default:
		x.decoded, err = hex.AppendDecode(x.decoded, x.scratch)
	}
	if err != nil {
		x.decoded = x.decoded[:start]
		return false
	}
	x.signatures = append(x.signatures, x.decoded[start:len(x.decoded):len(x.decoded)])
	return true
}

// unmatched is the refusal of a request whose signatures are all wrong: it says what they were
// compared with.
func (s *signature) unmatched(x *Exchange, method string, content Template) *Refusal {
	detail := "no signature matches " + method + " over " + content.String() + x.compared(content)
	if x.more {
		detail += fmt.Sprintf("; there are more signatures than the %d that are compared", s.most)
	}
	return &Refusal{BadSignature, detail}
}

func (s *signature) found(x *Exchange, place string) *Refusal {
	if len(x.signatures) == 0 {
		return &Refusal{BadSignature, place + " holds no signature of the form " + s.form()}
	}
	return nil
}

func (s *signature) form() string {
	value := s.Prefix + "<" + s.Encoding + ">"
	switch {
	case s.Packed:
		return `<base64 of {…"` + s.Item + `": "` + value + `"}>`
	case s.Item != "":
		return "…" + s.Separator + s.Item + "=" + value
	case s.First != "":
		return "<" + s.First + ">" + s.Separator + value
	case s.Version != "":
		return s.Version + "," + value
	default:
		return value
	}
}

func (s *signature) Describe() string {
	place := ""
	switch {
	case s.from != nil:
		place = s.from.String()
	case s.Numbered:
		place = "headers " + s.names[0] + "-1, -2, …"
	default:
		place = "header " + strings.Join(s.names, " or ")
	}
	return s.form() + " in " + place
}
