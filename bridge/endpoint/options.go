package endpoint

import (
	"maps"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/signature"
	"github.com/hookspan/hookspan/bridge/spelling"
)

const batchContent = "batch"

// batchOptions are those of the content mode batch.
func batchOptions() []string { return []string{"batch_size", "batch_wait"} }

// options refuses what neither the signature, the content nor the encryption reads: a misspelt
// encrypt would send in the clear.
func (v *faults) options(e *Endpoint) {
	if len(e.Options) > maxOptions {
		v.add("options", "has %d keys; %d are allowed", len(e.Options), maxOptions)
		return
	}
	if !signature.OfProvider(e.Signature) { // Options.Check knows those of providers
		v.list = append(v.list, CheckOptions(e, signature.Options(e.Signature))...)
	}
	if _, _, err := e.Batch(); err != nil && e.Content == batchContent {
		v.add("options", "%s", err)
	}
}

// WantedSignature says which signatures there are where the name is of none, else "". Whether there
// is such a provider Options.Check knows.
func WantedSignature(name string) string {
	if signature.OfProvider(name) || slices.Contains(signature.Names(), name) {
		return ""
	}
	return "want " + strings.Join(signature.Names(), ", ") + " or provider:NAME"
}

// WantedSecret says how a secret of a signature is written, "" where it takes none.
func WantedSecret(name string) string {
	if !signature.NeedsSecret(name) {
		return ""
	}
	return signature.SecretForm(name)
}

// CheckOptions holds an endpoint's options against those that its signature takes, and that its
// content and encryption do.
func CheckOptions(e *Endpoint, signs []string) []FieldError {
	v := &faults{}
	used := usedOptions(e, signs)
	for _, key := range slices.Sorted(maps.Keys(e.Options)) {
		field := "options." + key
		switch {
		case len(key) > maxName:
			v.add("options", "has a key longer than %d bytes", maxName)
		case len(e.Options[key]) > maxText:
			v.add(field, "is longer than %d bytes", maxText)
		case slices.Contains(used, key):
		case user(key) != "":
			v.add(field, "is of no use here; it belongs to %s", user(key))
		default:
			v.add(field, "is not known; did you mean %s?", spelling.Nearest(key, meant(e, signs)))
		}
	}
	return v.list
}

// usedOptions are those that the endpoint's requests depend on. The cipher's names count only
// beside encrypt, and only where they are not the signature's.
func usedOptions(e *Endpoint, signs []string) []string {
	used := slices.Concat(signs, []string{"encrypt"})
	if e.Content == batchContent {
		used = append(used, batchOptions()...)
	}
	if e.Options["encrypt"] != "" {
		used = append(used, signature.EncryptionOptions()...)
	}
	return used
}

// meant are the options that somebody who misspelt one may have had in mind: a provider takes none of
// the other signatures.
func meant(e *Endpoint, signs []string) []string {
	if signature.OfProvider(e.Signature) {
		return slices.Concat(signs, batchOptions(), []string{"encrypt"}, signature.EncryptionOptions())
	}
	return everyOption()
}

// user says what an option belongs to, "" for one that nothing reads.
func user(key string) string {
	if slices.Contains(batchOptions(), key) {
		return "content batch"
	}
	for _, name := range signature.Names() {
		if slices.Contains(signature.Options(name), key) {
			return "signature " + name
		}
	}
	if slices.Contains(signature.EncryptionOptions(), key) {
		return "the option encrypt"
	}
	return ""
}

func everyOption() []string { return append(documentedOptions(), signature.EncryptionOptions()...) }

// documentedOptions are all but those that only shape the cipher.
func documentedOptions() []string {
	var all []string
	for _, name := range signature.Names() {
		for _, option := range signature.Options(name) {
			if !slices.Contains(all, option) { // of two signatures
				all = append(all, option)
			}
		}
	}
	return append(append(all, batchOptions()...), "encrypt")
}
