// Package cipher opens and seals webhook bodies that are encrypted with AES. A Scheme is a
// point in a space of seven axes: cipher, key derivation, place of the initialization vector,
// place of the tag, padding, container and text encoding. Which point a vendor uses is configuration,
// never guessed at run time; Probe finds it from one captured body.
package cipher

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme/pointer"
)

// A Scheme is one way to encrypt a body. It holds no secret and is safe for concurrent use.
type Scheme struct {
	mode      string // ecb, cbc, ctr or gcm
	keySize   int    // bytes
	key       string
	rounds    int // of pbkdf2
	iv        place
	tag       place
	padding   string // of ecb and cbc: pkcs7 or zero
	container place
	encoding  string

	paths                     *pointer.Set
	textSlot, ivSlot, tagSlot int
}

// A place is where a part of a message is found: a kind, and the name it needs there.
type place struct{ kind, name string }

func (p place) String() string {
	if p.name == "" {
		return p.kind
	}
	return p.kind + ":" + p.name
}

// Axes are the names of the options in their usual order.
func Axes() []string {
	return []string{"cipher", "key", "iv", "tag", "padding", "container", "encoding"}
}

// Values are what an axis accepts, in words for a person.
func Values(axis string) []string {
	return slices.Clone(map[string][]string{
		"cipher": {"aes-256-cbc", "aes-192-cbc", "aes-128-cbc", "aes-256-ecb", "aes-192-ecb", "aes-128-ecb",
			"aes-256-ctr", "aes-192-ctr", "aes-128-ctr", "aes-256-gcm", "aes-192-gcm", "aes-128-gcm"},
		"key": {"raw", "zero-pad", "truncate", "hex", "base64", "sha256", "md5", "sha256-hex", "sha1-hex", "md5-hex", "mysql-fold", "evp-md5", "evp-sha256", "pbkdf2(rounds)"},
		"iv": {"none", "zero", "prefix16", "prefix12", "key-prefix", "fixed:value", "sha256-hex:phrase", "md5-hex:phrase", "header:Name", "json:path",
			"after::", "derived"},
		"tag":       {"suffix", "after-iv", "header:Name", "json:path"},
		"padding":   {"pkcs7", "zero"},
		"container": {"raw", "json-string", "json:path", "form:field", "laravel", "salted"},
		"encoding":  {"base64", "base64url", "hex", "base64x2"},
	}[axis])
}

// Parse compiles a scheme from the options cipher, key, iv, tag, padding, container and encoding; one
// that is missing or empty takes its usual value. Errors name the option and what it accepts.
func Parse(options map[string]string) (*Scheme, error) {
	for name := range options {
		if !slices.Contains(Axes(), name) {
			return nil, fmt.Errorf("option %s: unknown, use one of %s", name, strings.Join(Axes(), ", "))
		}
	}
	option := func(name, usual string) string {
		if v := options[name]; v != "" {
			return v
		}
		return usual
	}
	s := &Scheme{encoding: option("encoding", "base64"), padding: option("padding", "pkcs7")}
	if err := s.parseCipher(option("cipher", "aes-256-cbc")); err != nil {
		return nil, err
	}
	s.container = parsePlace(option("container", "raw"))
	s.iv = parsePlace(option("iv", s.usualIV()))
	if options["tag"] != "" && s.mode != "gcm" {
		return nil, fmt.Errorf("option tag: %s has none; leave it out", s.mode)
	}
	s.tag = parsePlace(option("tag", "suffix"))
	if err := s.parseKey(option("key", s.usualKey())); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	return s, s.compilePaths()
}

// Options returns the axes as Parse takes them.
func (s *Scheme) Options() map[string]string {
	o := map[string]string{
		"cipher":    "aes-" + strconv.Itoa(s.keySize*8) + "-" + s.mode,
		"key":       s.keyName(),
		"iv":        s.iv.String(),
		"container": s.container.String(),
		"encoding":  s.encoding,
	}
	if s.mode == "gcm" {
		o["tag"] = s.tag.String()
	}
	if s.padding != "pkcs7" {
		o["padding"] = s.padding
	}
	return o
}

// String is the scheme as an option list: cipher=aes-256-cbc,key=raw,…
func (s *Scheme) String() string {
	options := s.Options()
	list := make([]string, 0, len(options))
	for _, axis := range Axes() {
		if v, ok := options[axis]; ok {
			list = append(list, axis+"="+v)
		}
	}
	return strings.Join(list, ",")
}

// Authenticated reports whether opening proves that nobody altered the message. CBC, ECB and
// CTR do not, unless the container brings a MAC of its own.
func (s *Scheme) Authenticated() bool { return s.mode == "gcm" || s.container.kind == "laravel" }

func (s *Scheme) parseCipher(text string) error {
	if !slices.Contains(Values("cipher"), text) {
		return fmt.Errorf("option cipher: %q is unknown, use one of %s", text, strings.Join(Values("cipher"), ", "))
	}
	bits, mode, _ := strings.Cut(strings.TrimPrefix(text, "aes-"), "-")
	n, err := strconv.Atoi(bits)
	if err != nil {
		return fmt.Errorf("option cipher: %w", err)
	}
	s.keySize, s.mode = n/8, mode
	return nil
}

func (s *Scheme) usualIV() string {
	switch {
	case s.mode == "ecb":
		return "none"
	case s.container.kind == "salted":
		return "derived"
	case s.container.kind == "laravel":
		return "json:/iv"
	case s.mode == "gcm":
		return "prefix12"
	default:
		return "prefix16"
	}
}

func (s *Scheme) usualKey() string {
	if s.container.kind == "salted" {
		return "evp-md5"
	}
	return "raw"
}

func (s *Scheme) parseKey(text string) error {
	if rest, ok := strings.CutPrefix(text, "pbkdf2"); ok {
		s.key, s.rounds = "pbkdf2", 10000
		if rest == "" {
			return nil
		}
		inner, closed := strings.CutSuffix(strings.TrimPrefix(rest, "("), ")")
		n, err := strconv.Atoi(inner)
		if err != nil || !closed || rest[0] != '(' || n < 1 || n > 10_000_000 {
			return fmt.Errorf("option key: %q is not pbkdf2(rounds) with 1 to 10000000 rounds", text)
		}
		s.rounds = n
		return nil
	}
	if !slices.Contains(Values("key"), text) {
		return fmt.Errorf("option key: %q is unknown, use one of %s", text, strings.Join(Values("key"), ", "))
	}
	s.key = text
	return nil
}

func (s *Scheme) keyName() string {
	if s.key == "pbkdf2" {
		return "pbkdf2(" + strconv.Itoa(s.rounds) + ")"
	}
	return s.key
}

func parsePlace(text string) place {
	if text == "after::" {
		return place{kind: text}
	}
	kind, name, _ := strings.Cut(text, ":")
	if kind == "json" && !strings.HasPrefix(name, "/") {
		name = "/" + strings.ReplaceAll(name, ".", "/")
	}
	return place{kind: kind, name: name}
}

// compilePaths gives each JSON path of the scheme its slot.
func (s *Scheme) compilePaths() error {
	s.paths = pointer.NewSet()
	slots := map[*int]place{&s.textSlot: s.container, &s.ivSlot: s.iv, &s.tagSlot: s.tag}
	if s.container.kind == "laravel" {
		slots = map[*int]place{&s.textSlot: {"json", "/value"}, &s.ivSlot: {"json", "/iv"}, &s.tagSlot: {"json", "/tag"}}
	}
	for slot, p := range maps.All(slots) {
		if p.kind != "json" {
			continue
		}
		n, err := s.paths.Add(p.name)
		if err != nil {
			return fmt.Errorf("option value %s: %w", p, err)
		}
		*slot = n
	}
	return nil
}
