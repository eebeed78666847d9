package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/setting"
)

// A secret of the file is env:NAME, file:PATH, or the secret itself. References are opened
// before anything is decoded, but for those in objects, which say themselves where they may refer.
// The errors name the reference and never what it led to.
const (
	envReference  = "env:"
	fileReference = "file:"
)

func refers(text string) bool {
	return strings.HasPrefix(text, envReference) || strings.HasPrefix(text, fileReference)
}

// inClear takes note of the file as one with secrets, unless all of them are elsewhere.
func (l *loading) inClear(secrets ...string) {
	path := l.environ[configVariable]
	if slices.ContainsFunc(secrets, func(s string) bool { return !refers(s) }) && !slices.Contains(l.cfg.SecretFiles, path) {
		l.cfg.SecretFiles = append(l.cfg.SecretFiles, path)
	}
}

var errEmptySecret = errors.New("an empty secret; give one or remove the setting")

// open resolves one secret: whole, spaces and all.
func (l *loading) open(text string) (string, error) {
	secret := text
	if name, ok := strings.CutPrefix(text, envReference); ok {
		l.used[name] = true
		given := false
		if secret, given = l.environ[name]; !given {
			return "", errors.New("the variable " + name + " that it refers to is not set")
		}
	}
	if path, ok := strings.CutPrefix(text, fileReference); ok {
		content, err := l.secretFile(path)
		if err != nil {
			return "", err
		}
		secret = content
	}
	if secret = strings.TrimRight(secret, "\r\n"); secret == "" {
		return "", errEmptySecret
	}
	if strings.Contains(secret, setting.ItemEnd) {
		return "", errors.New("a secret cannot hold a NUL byte")
	}
	return secret, nil
}

// opener opens the members of an object that may refer.
func (l *loading) opener(fromFile bool) setting.Opener {
	return func(text string, as setting.Reference) (content string, err error) {
		known := len(l.cfg.SecretFiles)
		if as.Path {
			content, err = l.secretFile(text)
		} else {
			content, err = l.open(text)
		}
		switch {
		case err != nil && as.Path: // the text may be no path, but a secret that was meant to be PEM
			return "", errors.New("is neither PEM (-----BEGIN …) nor the path of a file that can be read")
		case err != nil:
			return "", err
		case !as.Secret:
			l.cfg.SecretFiles = l.cfg.SecretFiles[:known]
		case fromFile && !as.Path:
			l.inClear(text)
		}
		return content, nil
	}
}

// wordsOf counts the secrets that one text holds; what refers to one elsewhere is none.
func wordsOf(f field, text string) int {
	if f.Kind != setting.KindSecrets {
		return 0
	}
	return len(slices.DeleteFunc(strings.Fields(text), refers))
}

// openWords resolves a text of several secrets: each word is one, and each line of a file.
func (l *loading) openWords(text string) (string, error) {
	var b strings.Builder
	for _, word := range strings.Fields(text) {
		if path, ok := strings.CutPrefix(word, fileReference); ok {
			content, err := l.secretFile(path)
			if err != nil {
				return "", err
			}
			b.WriteString(lines(content))
			continue
		}
		secret, err := l.open(word)
		if err != nil {
			return "", err
		}
		b.WriteString(secret + setting.ItemEnd)
	}
	if b.Len() == 0 {
		return "", errEmptySecret
	}
	return b.String(), nil
}

// lines makes a list of the lines of a text that are not empty.
func lines(text string) string {
	var b strings.Builder
	for _, line := range filled(text) {
		b.WriteString(line + setting.ItemEnd)
	}
	return b.String()
}

// filled are the lines that hold something, spaces and all.
func filled(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			list = append(list, line)
		}
	}
	return list
}

func (l *loading) secretFile(path string) (string, error) {
	l.cfg.Files = append(l.cfg.Files, path)
	l.cfg.SecretFiles = append(l.cfg.SecretFiles, path)
	text, err := readText(path)
	if err != nil {
		return "", errors.New(reading(err))
	}
	return text, nil
}

// ReadSecret reads a file that holds one secret. Errors never repeat what it holds.
func ReadSecret(path string) (string, error) {
	text, err := readText(path)
	if err != nil {
		return "", err
	}
	if text = strings.TrimRight(text, "\r\n"); strings.TrimSpace(text) == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}

// ReadSecrets reads a file that holds one secret a line, newest first: one at least.
func ReadSecrets(path string) ([]string, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	list := filled(text)
	if len(list) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return list, nil
}

// maxSecretFile is far more than any file of secrets needs.
const maxSecretFile = 1 << 20

// readText reads a small text without the byte order mark that some editors write. Other
// encodings than UTF-8 show by their NUL bytes.
func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // read-only
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	switch {
	case err != nil:
		return "", err
	case len(text) > maxSecretFile:
		return "", fmt.Errorf("%s is larger than %d bytes", path, maxSecretFile)
	case bytes.IndexByte(text, 0) >= 0:
		return "", fmt.Errorf("%s holds a NUL byte; save it as UTF-8 text", path)
	}
	return strings.TrimPrefix(string(text), "\ufeff"), nil
}

// readSecrets replaces every _FILE twin by what its file holds, and refuses empty secrets.
func (l *loading) readSecrets() {
	for _, b := range l.blocks() {
		for variable, f := range b.fields {
			if f.twinOf != "" {
				l.readTwin(b, variable, b.fields[f.twinOf])
			}
		}
		for variable, f := range b.fields {
			if v, given := b.values[variable]; given && f.Kind.Secret() && strings.TrimSpace(v.text) == "" && !l.faulty(v.where) {
				l.problem(v.where, errEmptySecret.Error())
			}
		}
	}
}

func (l *loading) readTwin(b *block, twin string, f field) {
	v, given := b.values[twin]
	if !given || v.text == "" {
		return
	}
	delete(b.values, twin)
	if other, both := b.values[f.variable]; both {
		l.problem(v.where, "given together with "+other.where+"; remove one of the two")
		return
	}
	content, err := l.secretFile(v.text)
	if err != nil {
		l.problem(v.where, err.Error())
		b.values[f.variable] = value{where: v.where} // where it was given counts, beside others
		return
	}
	if content = strings.TrimRight(content, "\r\n"); f.Kind == setting.KindSecrets {
		content = lines(content)
	}
	b.values[f.variable] = value{text: content, where: v.where}
}
