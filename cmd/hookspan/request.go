package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/provider"
)

// secretFlags are secrets given by hand: on the command line, or from a file.
type secretFlags struct {
	secrets []string
	file    string
}

func (s *secretFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&s.secrets, "secret", nil, "secret (repeatable; others can see it in the list of processes: prefer --secret-file)")
	cmd.Flags().StringVar(&s.file, "secret-file", "", "file with one secret per line")
}

// open returns the secrets, one at least.
func (s *secretFlags) open() ([]string, error) {
	secrets := s.secrets
	if s.file != "" {
		more, err := readSecrets("--secret-file", s.file)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, more...)
	}
	if len(secrets) == 0 || slices.Contains(secrets, "") {
		return nil, usage("give --secret or --secret-file, not empty")
	}
	return secrets, nil
}

// readSecrets reads a file of secrets that a flag names, one a line.
func readSecrets(flag, path string) ([]string, error) {
	secrets, err := config.ReadSecrets(path)
	if err != nil {
		return nil, usage("%s: %w", flag, err)
	}
	return secrets, nil
}

// readOneSecret reads a file that holds one secret.
func readOneSecret(flag, path string) (string, error) {
	secret, err := config.ReadSecret(path)
	if err != nil {
		return "", usage("%s: %w", flag, err)
	}
	return secret, nil
}

// readInput reads a file that a flag or argument names; - is standard input.
func (t *terminal) readInput(name, path string) (text []byte, err error) {
	switch path {
	case "":
		return nil, usage("%s is missing", name)
	case "-":
		text, err = io.ReadAll(t.in)
	default:
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, usage("%s: %w", name, err)
	}
	return text, nil
}

// headerOf reads "Name: value" flags.
func headerOf(lines []string) (http.Header, error) {
	header := http.Header{}
	for _, line := range lines {
		name, value, found := strings.Cut(line, ":")
		if !found || strings.TrimSpace(name) == "" {
			return nil, usage("--header: want Name: value")
		}
		header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return header, nil
}

// pairs reads "key=value" or "Name: value" flags.
func pairs(flag string, list []string, separator string) (map[string]string, error) {
	m := map[string]string{}
	for _, pair := range list {
		key, value, found := strings.Cut(pair, separator)
		if !found || strings.TrimSpace(key) == "" {
			return nil, usage("--%s: want key%svalue", flag, separator)
		}
		m[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	return m, nil
}

var (
	errRequestLine = errors.New("want a request line such as POST /webhooks/shop HTTP/1.1")
	errHeaders     = errors.New("want headers as Name: value, then an empty line, then the body")
)

// readRequest takes a request apart as it was saved. The body is what follows the empty line,
// to the last byte, or to Content-Length where an editor has added a line break at the end.
func readRequest(r *provider.Request, text []byte) error {
	in := bufio.NewReader(bytes.NewReader(text))
	tp := textproto.NewReader(in)
	line, err := tp.ReadLine()
	words := strings.Fields(line)
	if err != nil || len(words) < 2 {
		return errRequestLine
	}
	header, err := tp.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return errHeaders
	}
	r.Method, r.URL, r.Header = words[0], words[1], http.Header(header)
	if r.Body, err = io.ReadAll(in); err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	if n, err := strconv.Atoi(r.Header.Get("Content-Length")); err == nil && n >= 0 && n < len(r.Body) {
		r.Body = r.Body[:n]
	}
	return nil
}
