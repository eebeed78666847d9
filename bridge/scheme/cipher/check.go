package cipher

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// check refuses combinations that no message can have, so that a mistake is found when the
// source is configured and not as a refusal of every webhook.
func (s *Scheme) check() error {
	if !slices.Contains(Values("encoding"), s.encoding) {
		return fmt.Errorf("option encoding: %q is unknown, use one of %s", s.encoding, strings.Join(Values("encoding"), ", "))
	}
	if !slices.Contains(Values("padding"), s.padding) {
		return fmt.Errorf("option padding: %q is unknown, use one of %s", s.padding, strings.Join(Values("padding"), ", "))
	}
	if s.padding == "zero" && (s.mode == "gcm" || s.mode == "ctr" || s.container.kind == "laravel") {
		return fmt.Errorf("option padding: zero is for ecb and cbc; %s needs none", s.mode)
	}
	for axis, p := range map[string]place{"iv": s.iv, "tag": s.tag, "container": s.container} {
		if err := checkPlace(axis, p); err != nil {
			return err
		}
	}
	if err := s.checkIV(); err != nil {
		return err
	}
	salted := s.container.kind == "salted"
	if derives := s.key == "evp-md5" || s.key == "evp-sha256" || s.key == "pbkdf2"; derives != salted {
		return fmt.Errorf("option key: %s and container %s do not fit; evp-md5, evp-sha256 and pbkdf2 belong to container salted", s.keyName(), s.container)
	}
	if s.key == "md5" && s.keySize != 16 {
		return fmt.Errorf("option key: md5 makes 16 bytes, so the cipher must be an aes-128 one; md5-hex makes 32")
	}
	if digits := hexDigits(s.key, nil); digits != nil && len(digits) < s.keySize {
		return fmt.Errorf("option key: %s makes %d bytes, aes-%d needs %d", s.key, len(digits), s.keySize*8, s.keySize)
	}
	if s.mode == "gcm" && s.tag.kind == "after-iv" && !strings.HasPrefix(s.iv.kind, "prefix") {
		return fmt.Errorf("option tag: after-iv needs iv prefix12 or prefix16")
	}
	return nil
}

func checkPlace(axis string, p place) error {
	for _, known := range Values(axis) {
		kind, name, named := strings.Cut(known, ":")
		if known == "after::" {
			kind, name, named = known, "", false
		}
		if kind != p.kind {
			continue
		}
		if named && (p.name == "" || p.name == "/") {
			return fmt.Errorf("option %s: %s needs a %s behind the colon", axis, kind, strings.ToLower(name))
		}
		if !named && p.name != "" {
			return fmt.Errorf("option %s: %s takes nothing behind a colon", axis, kind)
		}
		return nil
	}
	return fmt.Errorf("option %s: %q is unknown, use one of %s", axis, p, strings.Join(Values(axis), ", "))
}

func (s *Scheme) checkIV() error {
	if (s.mode == "ecb") != (s.iv.kind == "none") {
		return fmt.Errorf("option iv: %s does not fit %s; ecb has none, the other modes need one", s.iv, s.mode)
	}
	if (s.iv.kind == "derived") != (s.container.kind == "salted" && s.mode != "ecb") {
		return fmt.Errorf("option iv: derived and container salted belong together")
	}
	if s.container.kind == "laravel" && s.iv != (place{"json", "/iv"}) {
		return fmt.Errorf("option iv: the laravel container brings its own; leave it out")
	}
	if s.mode == "gcm" && slices.Contains(constantIVs, s.iv.kind) {
		return fmt.Errorf("option iv: %s is the same for every message, and two messages under one nonce give the key stream and the tag's key away; gcm needs a new one each time", s.iv.kind)
	}
	switch s.iv.kind {
	case "prefix12":
		if s.mode != "gcm" {
			return fmt.Errorf("option iv: prefix12 is for gcm; use prefix16")
		}
	case "json":
		if s.container.kind != "json" && s.container.kind != "laravel" {
			return fmt.Errorf("option iv: json needs a json container")
		}
	case "fixed", "sha256-hex", "md5-hex":
		if _, err := s.fixedIV(); err != nil {
			return err
		}
	}
	if s.mode == "gcm" && s.tag.kind == "json" && s.container.kind != "json" {
		return fmt.Errorf("option tag: json needs a json container")
	}
	return nil
}

// constantIVs are the places that give every message the same IV.
var constantIVs = []string{"none", "zero", "key-prefix", "fixed", "sha256-hex", "md5-hex"}

// fixedIV reads the value behind fixed: as hex where that gives the right length, else as
// the bytes themselves.
func (s *Scheme) fixedIV() ([]byte, error) {
	if s.iv.kind != "fixed" { // as in PHP, where openssl_encrypt cuts what is too long
		return hexDigits(s.iv.kind, []byte(s.iv.name))[:s.ivSize()], nil
	}
	if b, err := hex.DecodeString(s.iv.name); err == nil && len(b) == s.ivSize() {
		return b, nil
	}
	if len(s.iv.name) == s.ivSize() {
		return []byte(s.iv.name), nil
	}
	return nil, fmt.Errorf("option iv: fixed needs %d bytes, or as many in hex", s.ivSize())
}

func (s *Scheme) ivSize() int {
	if s.mode == "gcm" && s.iv.kind != "prefix16" {
		return 12
	}
	return 16
}
