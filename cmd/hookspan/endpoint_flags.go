package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// endpointFlags are the fields of an endpoint as flags. Only those that were given are sent, so
// that a default is the server's and a change names what it changes.
type endpointFlags struct {
	file, secretsFile string
	texts             map[string]*string
	lists             map[string]*[]string
	pairs             map[string]*[]string
	concurrency       int
	active            bool
}

func (f *endpointFlags) flags(cmd *cobra.Command) {
	f.texts, f.lists, f.pairs = map[string]*string{}, map[string]*[]string{}, map[string]*[]string{}
	for field, meaning := range map[string]string{
		"url": "where its webhooks go", "start": "now, all or an RFC 3339 time",
		"signature": "standard, standard-ed25519, sticker, cryptlex, hmac or none",
		"content":   "binary, structured, batch or data", "jitter": "share added to each wait, such as 10%",
		"timeout": "of one attempt, such as 30s", "rate": "attempts, such as 50/s or 50/s:20",
		"disable_after": "disable after this long of nothing but failure",
	} {
		f.texts[field] = cmd.Flags().String(flagName(field), "", meaning)
	}
	for field, meaning := range map[string]string{
		"events": "type patterns, such as com.sticker.*", "topics": "topics whose events it takes",
		"schedule": "waits between attempts, such as 1m,5m,1h",
	} {
		f.lists[field] = cmd.Flags().StringSlice(flagName(field), nil, meaning)
	}
	f.lists["secrets"] = cmd.Flags().StringArray("secret", nil, "signing secret, newest first (repeatable; others can see it in the list of processes: prefer --secrets-file)")
	f.pairs["options"] = cmd.Flags().StringArray("option", nil, "key=value of the signature or content (repeatable)")
	f.pairs["headers"] = cmd.Flags().StringArray("header", nil, "Name: value to send along (repeatable)")
	cmd.Flags().IntVar(&f.concurrency, "concurrency", 0, "attempts at the same time")
	cmd.Flags().BoolVar(&f.active, "active", true, "false: what is published meanwhile is not for it")
	cmd.Flags().StringVar(&f.secretsFile, "secrets-file", "", "file with one secret per line")
	cmd.Flags().StringVar(&f.file, "file", "", "JSON file with the fields; - reads standard input. Flags override it")
}

func flagName(field string) string {
	switch field {
	case "secrets":
		return "secret"
	case "options":
		return "option"
	case "headers":
		return "header"
	}
	return strings.ReplaceAll(field, "_", "-")
}

// body is the request: the file's fields, then the flags'.
func (f *endpointFlags) body(t *terminal, cmd *cobra.Command) (map[string]any, error) {
	body, err := f.read(t)
	if err != nil {
		return nil, err
	}
	given := func(field string) bool { return cmd.Flags().Changed(flagName(field)) }
	for field, text := range f.texts {
		if given(field) {
			body[field] = *text
		}
	}
	for field, list := range f.lists {
		if given(field) {
			body[field] = *list
		}
	}
	if f.secretsFile != "" {
		if body["secrets"], err = readSecrets("--secrets-file", f.secretsFile); err != nil {
			return nil, err
		}
	}
	for field, separator := range map[string]string{"options": "=", "headers": ":"} {
		if given(field) {
			if body[field], err = pairs(flagName(field), *f.pairs[field], separator); err != nil {
				return nil, err
			}
		}
	}
	if given("concurrency") {
		body["concurrency"] = f.concurrency
	}
	if given("active") {
		body["active"] = f.active
	}
	return body, nil
}

func (f *endpointFlags) read(t *terminal) (map[string]any, error) {
	body := map[string]any{}
	var text []byte
	var err error
	switch f.file {
	case "":
		return body, nil
	case "-":
		text, err = io.ReadAll(t.in)
	default:
		text, err = os.ReadFile(f.file)
	}
	if err != nil {
		return nil, usage("--file: %w", err)
	}
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &body); err != nil {
		return nil, usage("--file: want one JSON object: %w", err)
	}
	return body, nil
}
