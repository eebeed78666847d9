package draft

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// keyPrefixes are known to say how a secret is written. What else stands in front of a secret may be
// a part of it, and belongs into no file.
var keyPrefixes = []string{"v1,whsec_", "whsec_", "whpk_", "whsk_"}

// keyPrefix cuts a known prefix from a secret whose rest is base64.
func keyPrefix(secret string) (prefix, rest string, ok bool) {
	for _, prefix = range keyPrefixes {
		if rest, ok = strings.CutPrefix(secret, prefix); ok && isBase64(rest) {
			return prefix, rest, true
		}
	}
	return "", "", false
}

// reveals reports a text that holds a secret as it is, in hex or in base64, which may be escaped for a
// URL, a form or JSON, and that up to three times.
func (d *drafting) reveals(text string) bool {
	texts := unescaped(text, 3)
	return slices.ContainsFunc(d.secrets, func(secret string) bool {
		for _, form := range written(secret) {
			if slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, form) }) {
				return true
			}
		}
		return false
	})
}

// shortest is the length from which a part of a secret in another form is no coincidence.
const shortest = 8

// written lists how a secret may stand in a text; a part of it that all forms of base64 share stands for them.
func written(secret string) []string {
	if secret == "" {
		return nil
	}
	forms := []string{secret, base64.RawStdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret))}
	add := func(form string) {
		if len(form) >= shortest {
			forms = append(forms, form)
		}
	}
	if _, rest, ok := keyPrefix(secret); ok {
		add(strings.TrimRight(rest, "="))
	}
	inHex := hex.EncodeToString([]byte(secret))
	add(inHex)
	add(strings.ToUpper(inHex))
	for before := range 3 { // bytes of something else in the same group of base64, such as user: in front
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString(append(make([]byte, before), secret...))
			text = text[(before*8+5)/6:]
			if (before+len(secret))%3 != 0 {
				text = text[:len(text)-1]
			}
			add(text)
		}
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// unescaped lists a text and what it is when its escapes are read, in so many rounds.
func unescaped(text string, rounds int) []string {
	all := []string{text}
	if rounds == 0 {
		return all
	}
	for _, read := range []func(string) string{percents, func(text string) string { return percents(strings.ReplaceAll(text, "+", " ")) }, backslashes} {
		if other := read(text); other != text {
			all = append(all, unescaped(other, rounds-1)...)
		}
	}
	return all
}

var (
	inURL  = regexp.MustCompile(`(?:%[0-9a-fA-F]{2})+`)
	inJSON = regexp.MustCompile(`(?:\\u[0-9a-fA-F]{4})+|\\["\\/bfnrt]`) // the halves of a character stand together
)

// percents reads what of a text is escaped for a URL and leaves the rest as it is.
func percents(text string) string {
	return inURL.ReplaceAllStringFunc(text, func(escape string) string {
		if read, err := url.PathUnescape(escape); err == nil {
			return read
		}
		return escape
	})
}

// backslashes reads what of a text is escaped for JSON and leaves the rest as it is.
func backslashes(text string) string {
	return inJSON.ReplaceAllStringFunc(text, func(escape string) string {
		read := escape
		if json.Unmarshal([]byte(`"`+escape+`"`), &read) != nil {
			return escape
		}
		return read
	})
}
