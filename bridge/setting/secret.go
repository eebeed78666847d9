package setting

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Hidden stands for what is set and not shown.
const Hidden = "***"

// A Secret prints as *** whatever formats it. The zero value is no secret at all.
type Secret string

// Open returns the secret itself. What it returns must reach no log, error, metric or URL.
func (s Secret) Open() string { return string(s) }

// IsZero reports that there is no secret.
func (s Secret) IsZero() bool { return s == "" }

// Parse takes the secret as it is, without the line break that a file leaves behind.
func (s *Secret) Parse(text string) error {
	*s = Secret(strings.TrimRight(text, "\r\n"))
	return nil
}

// OfKind is KindSecret.
func (Secret) OfKind() Kind { return KindSecret }

// Format writes *** for every verb, also where fmt would show a field of a struct.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Hidden) }

// MarshalText writes ***, so that no encoder writes more.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Hidden), nil }

// LogValue writes ***.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Hidden) }

// Secrets are separated by white space, newest first. An item of a list, or a line of a secret
// file, is one secret, spaces and all. They print as ***.
type Secrets []string

// Parse splits at white space.
func (s *Secrets) Parse(text string) error {
	*s = nil
	for i, item := range Items(text, " \t\r\n") {
		if item == "" {
			return itemError{i, Wanted("no empty secret")}
		}
		*s = append(*s, item)
	}
	return nil
}

// OfKind is KindSecrets.
func (Secrets) OfKind() Kind { return KindSecrets }

// Open returns the secrets themselves, newest first; see Secret.Open.
func (s Secrets) Open() []string { return s }

// Format writes *** for every verb.
func (s Secrets) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Hidden) }

// MarshalText writes ***.
func (s Secrets) MarshalText() ([]byte, error) { return []byte(Hidden), nil }

// LogValue writes ***.
func (s Secrets) LogValue() slog.Value { return slog.StringValue(Hidden) }
