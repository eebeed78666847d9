package infer

import (
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// leastTexts is how many texts have to have a format before it is believed.
const leastTexts = 3

// longestText is how long a text may be, in bytes, that is looked at for a format.
const longestText = 2048

// formats are a set of bits.
type formats uint8

const (
	dateTime formats = 1 << iota
	uuid
	email
	uri
	none formats = 0
)

// narrow leaves the formats that this text has too; the first one has all to begin with.
func (f *formats) narrow(value string, first bool) {
	if first {
		*f = dateTime | uuid | email | uri
	}
	if *f == none {
		return
	}
	if value == "" || len(value) > longestText {
		*f = none
		return
	}
	for _, x := range [...]struct {
		format formats
		has    func(string) bool
	}{{dateTime, isDateTime}, {uuid, isUUID}, {email, isEmail}, {uri, isURI}} {
		if *f&x.format != 0 && !x.has(value) {
			*f &^= x.format
		}
	}
}

// word is that of JSON Schema, "" for no format.
func (f formats) word() string {
	switch {
	case f&dateTime != 0:
		return "date-time"
	case f&uuid != 0:
		return "uuid"
	case f&email != 0:
		return "email"
	case f&uri != 0:
		return "uri"
	}
	return ""
}

// isDateTime is strict, as validators are; Go takes a comma for the point, too.
func isDateTime(s string) bool {
	return new(time.Time).UnmarshalText([]byte(s)) == nil && !strings.Contains(s, ",")
}

func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// mailbox is what validators agree on: no quotes, no addresses of machines without a name.
var mailbox = regexp.MustCompile(`^[^@"<>]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

func isEmail(s string) bool {
	if len(s) > 254 || !plain(s) || !mailbox.MatchString(s) {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}

// isURI asks for more than the grammar: order:17 is an id.
func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Host != "" && plain(s) && !strings.ContainsAny(s, "<>\"{}|\\^` ")
}

func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
