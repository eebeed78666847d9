package setting

import "strings"

// ValidName is the rule for names of sources and endpoints, and for the namespace: what fits a URL
// path, a topic and a variable's name.
func ValidName(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
