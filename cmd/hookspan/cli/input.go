package cli

import (
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/config"
)

// SecretFlags are secrets given by hand: on the command line, or from a file.
type SecretFlags struct {
	Secrets []string
	file    string
}

// Flags adds them to a command.
func (s *SecretFlags) Flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&s.Secrets, "secret", nil, "secret (repeatable; others can see it in the list of processes: prefer --secret-file)")
	cmd.Flags().StringVar(&s.file, "secret-file", "", "file with one secret per line")
}

// Given reports whether there are any.
func (s *SecretFlags) Given() bool { return len(s.Secrets) > 0 || s.file != "" }

// Open returns the secrets, one at least.
func (s *SecretFlags) Open() ([]string, error) {
	secrets := s.Secrets
	if s.file != "" {
		more, err := ReadSecrets("--secret-file", s.file)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, more...)
	}
	if len(secrets) == 0 || slices.Contains(secrets, "") {
		return nil, Usage("give --secret or --secret-file, not empty")
	}
	return secrets, nil
}

// ReadSecrets reads a file of secrets that a flag names, one a line.
func ReadSecrets(flag, path string) ([]string, error) {
	secrets, err := config.ReadSecrets(path)
	if err != nil {
		return nil, Usage("%s: %w", flag, err)
	}
	return secrets, nil
}

// ReadSecret reads a file that holds one secret.
func ReadSecret(flag, path string) (string, error) {
	secret, err := config.ReadSecret(path)
	if err != nil {
		return "", Usage("%s: %w", flag, err)
	}
	return secret, nil
}

// ReadInput reads a file that a flag or argument names; - is standard input.
func (t *Terminal) ReadInput(name, path string) (text []byte, err error) {
	switch path {
	case "":
		return nil, Usage("%s is missing", name)
	case "-":
		text, err = io.ReadAll(t.In)
	default:
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, Usage("%s: %w", name, err)
	}
	return text, nil
}

// HeaderOf reads "Name: value" flags.
func HeaderOf(lines []string) (http.Header, error) {
	header := http.Header{}
	for _, line := range lines {
		name, value, found := strings.Cut(line, ":")
		if !found || strings.TrimSpace(name) == "" {
			return nil, Usage("--header: want Name: value")
		}
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return header, nil
}

// Pairs reads "key=value" or "Name: value" flags.
func Pairs(flag string, list []string, separator string) (map[string]string, error) {
	m := map[string]string{}
	for _, pair := range list {
		key, value, found := strings.Cut(pair, separator)
		if !found || strings.TrimSpace(key) == "" {
			return nil, Usage("--%s: want key%svalue", flag, separator)
		}
		m[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return m, nil
}
