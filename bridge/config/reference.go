package config

import (
	"errors"
	"os"
	"strings"
)

// A secret of the file is env:NAME, file:PATH, or the secret itself. References are opened
// before anything is decoded; the errors name the reference and never what it led to.
const (
	envReference  = "env:"
	fileReference = "file:"
)

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
	if strings.Contains(secret, itemEnd) {
		return "", errors.New("a secret cannot hold a NUL byte")
	}
	return secret, nil
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
		b.WriteString(secret + itemEnd)
	}
	if b.Len() == 0 {
		return "", errEmptySecret
	}
	return b.String(), nil
}

// lines makes a list of the lines of a text that are not empty.
func lines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			b.WriteString(line + itemEnd)
		}
	}
	return b.String()
}

func (l *loading) secretFile(path string) (string, error) {
	l.cfg.Files = append(l.cfg.Files, path)
	content, err := os.ReadFile(path)
	if err != nil {
		return "", errors.New(reading(err))
	}
	return string(content), nil
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
			if v, given := b.values[variable]; given && f.secret() && strings.TrimSpace(v.text) == "" {
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
		return
	}
	if content = strings.TrimRight(content, "\r\n"); f.is(Secrets{}) {
		content = lines(content)
	}
	b.values[f.variable] = value{text: content, where: v.where}
}
