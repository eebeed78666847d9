package signature

import (
	"strings"
	"testing"
)

// A misspelt word would otherwise be as good as none.
func TestFilesNameWordsThatNothingReads(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"secret: txt": `secret: "txt" is unknown, use none, text, whsec, whsk`,
		"verify: []":  `secret: "" is unknown`,
		"secret: text\noptions: [{name: prefix, form: prefx}]":             `options: prefix: form "prefx" is unknown, use content, header, header-prefix, prefix`,
		"secret: text\nheaders: {X-Type: typ}":                             `headers: X-Type: "typ" is unknown, use type, delivery, timestamp`,
		"secret: none\nheaders: {X-Type: type}\noptions: [{name: header}]": "",
	} {
		f, err := (&file{text: []byte(text)}).read(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err = f.check(); (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
