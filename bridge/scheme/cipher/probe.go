package cipher

import (
	"bytes"
	"crypto/aes"
	"encoding/json"
	"net/url"
	"slices"
	"sort"
	"unicode/utf8"
)

// Probe tries every scheme on one captured message and returns those that open it, likeliest
// first. A scheme counts only when the padding is valid and the plaintext is a JSON object in
// UTF-8. Of schemes that are the same for this secret only the plainest is returned.
func Probe(m Message, secret string) []*Scheme {
	m.Body = bare(m.Body)
	var fits []*Scheme
	seen := map[string]bool{}
	for _, container := range containersOf(m.Body) {
		for _, encoding := range Values("encoding") {
			for _, options := range combinations(m, container, encoding) {
				s, err := Parse(options)
				if err != nil {
					continue
				}
				k, err := s.Key(secret)
				if err != nil {
					continue
				}
				// The key tells raw, zero-pad and truncate apart only where they differ.
				same := s.mode + s.padding + s.iv.String() + s.tag.String() + container + encoding + string(k.bytes)
				if k.bytes == nil {
					same += s.keyName() + options["cipher"]
				}
				if seen[same] {
					continue
				}
				seen[same] = true
				if plain, err := k.Open(m, isObject); err == nil && isObject(plain) {
					fits = append(fits, s)
				}
			}
		}
	}
	sort.SliceStable(fits, func(i, j int) bool { return fits[i].Authenticated() && !fits[j].Authenticated() })
	return fits
}

// ProbeWithoutIV returns the schemes of CBC that open all but the first block, which only the IV
// hides: it does not travel with the message then. Their IV is zero.
func ProbeWithoutIV(m Message, secret string) []*Scheme {
	m.Body = bare(m.Body)
	var fits []*Scheme
	for _, container := range containersOf(m.Body) {
		if container == "salted" || container == "laravel" {
			continue
		}
		for _, encoding := range Values("encoding") {
			for _, name := range []string{"aes-256-cbc", "aes-192-cbc", "aes-128-cbc"} {
				fits = append(fits, probeKeys(m, secret, map[string]string{"cipher": name, "iv": "zero", "container": container, "encoding": encoding})...)
			}
		}
	}
	return fits
}

func probeKeys(m Message, secret string, options map[string]string) (fits []*Scheme) {
	seen := map[string]bool{}
	for _, rule := range keysOf("raw") {
		options["key"] = rule
		s, err := Parse(options)
		if err != nil {
			continue
		}
		k, err := s.Key(secret)
		if err != nil || seen[string(k.bytes)] {
			continue
		}
		seen[string(k.bytes)] = true
		if _, err := k.Open(m, endsObject); err == nil {
			fits = append(fits, s)
		}
	}
	return fits
}

// endsObject judges what follows the first block of a JSON object.
func endsObject(plain []byte) bool {
	if len(plain) <= aes.BlockSize {
		return false
	}
	rest := bytes.TrimSpace(plain[aes.BlockSize:])
	return utf8.Valid(rest) && bytes.HasSuffix(rest, []byte("}")) && bytes.IndexByte(rest, 0) < 0
}

func isObject(plain []byte) bool {
	plain = bare(plain)
	return len(plain) > 0 && plain[0] == '{' && json.Valid(plain)
}

// combinations lists what is possible for one container and encoding.
func combinations(m Message, container, encoding string) []map[string]string {
	probe := &Scheme{container: parsePlace(container), encoding: encoding, mode: "ecb"}
	if container == "laravel" && encoding != "base64" {
		return nil
	}
	if container != "laravel" {
		if err := probe.compilePaths(); err != nil {
			return nil
		}
		if _, ok := probe.unwrap(m); !ok {
			return nil
		}
	}
	var list []map[string]string
	for _, cipher := range Values("cipher") {
		for _, key := range keysOf(container) {
			for _, iv := range ivsOf(m, container) {
				for _, tag := range tagsOf(m, container, cipher) {
					for _, padding := range paddingsOf(container, cipher) {
						list = append(list, map[string]string{"cipher": cipher, "key": key, "iv": iv, "tag": tag,
							"padding": padding, "container": container, "encoding": encoding})
					}
				}
			}
		}
	}
	return list
}

func keysOf(container string) []string {
	if container == "salted" {
		return []string{"evp-md5", "evp-sha256", "pbkdf2(10000)", "pbkdf2(1000)", "pbkdf2(1)"}
	}
	return []string{"raw", "hex", "base64", "sha256", "md5", "sha256-hex", "md5-hex", "sha1-hex", "mysql-fold", "truncate", "zero-pad"}
}

func paddingsOf(container, cipher string) []string {
	if mode := cipher[len(cipher)-3:]; container == "laravel" || mode == "gcm" || mode == "ctr" {
		return []string{""}
	}
	return []string{"pkcs7", "zero"}
}

func ivsOf(m Message, container string) []string {
	switch container {
	case "laravel":
		return []string{""}
	case "salted":
		return []string{"derived", "none"}
	}
	ivs := []string{"none", "prefix16", "prefix12", "key-prefix", "zero", "after::"}
	for _, name := range members(m.Body) {
		if container != "json:/"+name {
			ivs = append(ivs, "json:/"+name)
		}
	}
	for name := range m.Header {
		ivs = append(ivs, "header:"+name)
	}
	return ivs
}

func tagsOf(m Message, container, cipher string) []string {
	if container == "laravel" || cipher[len(cipher)-3:] != "gcm" {
		return []string{""}
	}
	tags := []string{"suffix", "after-iv"}
	for _, name := range members(m.Body) {
		if container != "json:/"+name {
			tags = append(tags, "json:/"+name)
		}
	}
	for name := range m.Header {
		tags = append(tags, "header:"+name)
	}
	return tags
}

// containersOf looks at a body and names the containers that it can be.
func containersOf(body []byte) []string {
	if len(body) == 0 {
		return nil
	}
	switch body[0] {
	case '{':
		var list []string
		for _, name := range members(body) {
			list = append(list, "json:/"+name)
		}
		return list
	case '"':
		return []string{"json-string"}
	}
	list := []string{"raw", "salted", "laravel"}
	if form, err := url.ParseQuery(string(body)); err == nil {
		for name, values := range form {
			if values[0] != "" {
				list = append(list, "form:"+name)
			}
		}
	}
	slices.Sort(list[3:])
	return list
}

// members names the members of a JSON object that are strings, in order of their names.
func members(body []byte) []string {
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return nil
	}
	var names []string
	for name, value := range object {
		if _, ok := value.(string); ok && name != "" && !bytes.ContainsAny([]byte(name), "/~.") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
