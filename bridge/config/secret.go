package config

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// A Secret prints as *** whatever formats it. The zero value is no secret at all.
type Secret struct{ value string }

const hidden = "***"

// Open returns the secret itself. What it returns must reach no log, error, metric or URL.
func (s Secret) Open() string { return s.value }

// IsZero reports that there is no secret.
func (s Secret) IsZero() bool { return s.value == "" }

// UnmarshalText takes the secret as it is, without the line break that a file leaves behind.
func (s *Secret) UnmarshalText(text []byte) error {
	s.value = strings.TrimRight(string(text), "\r\n")
	return nil
}

// Format writes *** for every verb, also where fmt would show a field of a struct.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText writes ***, so that no encoder writes more.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue writes ***.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// Secrets are separated by white space, newest first. An item of a list in the file, or a line
// of a secret file, is one secret, spaces and all.
type Secrets []Secret

// UnmarshalText splits at white space.
func (s *Secrets) UnmarshalText(text []byte) error {
	*s = nil
	for _, item := range items(string(text), " \t\r\n") {
		if item == "" {
			return wanted("no empty secret")
		}
		*s = append(*s, Secret{value: item})
	}
	return nil
}

// Open returns the secrets themselves, newest first; see Secret.Open.
func (s Secrets) Open() []string {
	open := make([]string, len(s))
	for i := range s {
		open[i] = s[i].value
	}
	return open
}
