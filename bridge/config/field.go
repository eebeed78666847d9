package config

import (
	"strings"

	"github.com/hookspan/hookspan/bridge/setting"
)

// A field is one setting, and the variable that it has here.
type field struct {
	setting.Field
	variable string // the whole name
	twinOf   string // of a _FILE variable: the secret that its file holds
}

// fileSuffix makes the twin of a secret's variable that names a file instead.
const fileSuffix = "_FILE"

// fieldsOf lists the settings that a struct declares, in its order.
func fieldsOf(prefix string, settings any) []field {
	var fields []field
	for _, f := range setting.Of(settings) {
		fields = append(fields, field{Field: f, variable: prefix + strings.ToUpper(f.Word)})
	}
	return fields
}

// key is the setting's word in the file.
func (f field) key(prefix string) string {
	return strings.ToLower(strings.TrimPrefix(f.variable, prefix))
}
