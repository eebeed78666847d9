package client

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// endpointFlags are the settings of an endpoint as flags, made from their declarations. Only those
// that were given are sent, so that a default is the server's and a change names what it changes.
type endpointFlags struct {
	file   string
	values []flagValue
}

// A flagValue reads what was given for a setting as the API takes it.
type flagValue struct {
	flag, word string
	read       func() (any, error)
}

func (f *endpointFlags) flags(cmd *cobra.Command) {
	for _, s := range endpoint.Fields() {
		f.add(cmd, s)
	}
	cmd.Flags().StringVar(&f.file, "file", "", "JSON file with the fields; - reads standard input. Flags override it")
}

// add makes the flag of a setting.
func (f *endpointFlags) add(cmd *cobra.Command, s setting.Field) {
	flags := cmd.Flags()
	name := strings.ReplaceAll(s.Word, "_", "-")
	one := strings.TrimSuffix(name, "s") // of several: the flag is given for each
	value := func(flag string, read func() (any, error)) {
		f.values = append(f.values, flagValue{flag, s.Word, read})
	}
	meaning := strings.ToLower(s.Doc[:1]) + strings.TrimSuffix(s.Doc[1:], ".")
	const each = " (repeatable)"
	const seen = "; others can see it in the list of processes, prefer the file"
	switch s.Kind {
	case setting.KindBoolean:
		v := flags.Bool(name, s.Default == "true", meaning)
		value(name, func() (any, error) { return *v, nil })
	case setting.KindNumber:
		v := flags.Int(name, 0, meaning)
		value(name, func() (any, error) { return *v, nil })
	case setting.KindList:
		v := flags.StringSlice(name, nil, meaning)
		value(name, func() (any, error) { return *v, nil })
	case setting.KindListOrText, setting.KindNumbers:
		v := flags.StringArray(name, nil, meaning)
		value(name, func() (any, error) { return strings.Join(*v, ","), nil })
	case setting.KindOptions, setting.KindHeaders:
		v := flags.StringArray(one, nil, meaning+each)
		value(one, func() (any, error) { return cli.Pairs(one, *v, strings.TrimSpace(s.Kind.Joint())) })
	case setting.KindSecrets:
		v, path := flags.StringArray(one, nil, meaning+each+seen), flags.String(name+"-file", "", "file with one secret per line")
		value(one, func() (any, error) { return *v, nil })
		value(name+"-file", func() (any, error) { return cli.ReadSecrets("--"+name+"-file", *path) })
	case setting.KindSecret, setting.KindLogin:
		v, path := flags.String(name, "", meaning+seen), flags.String(name+"-file", "", "file that holds "+s.Word)
		value(name, func() (any, error) { return *v, nil })
		value(name+"-file", func() (any, error) { return cli.ReadSecret("--"+name+"-file", *path) })
	case setting.KindObject:
		v := flags.String(name, "", meaning+" (JSON)")
		value(name, func() (any, error) { return object(name, *v) })
		if s.Sealed() { // it holds secrets
			path := flags.String(name+"-file", "", "file that holds "+s.Word+" as JSON; others see what a flag says in the list of processes")
			value(name+"-file", func() (any, error) {
				text, err := cli.ReadSecret("--"+name+"-file", *path)
				if err != nil {
					return nil, err
				}
				return object(name+"-file", text)
			})
		}
	default:
		v := flags.String(name, "", meaning)
		value(name, func() (any, error) { return *v, nil })
	}
}

// object is a flag that holds JSON.
func object(flag, text string) (any, error) {
	if !json.Valid([]byte(text)) {
		return nil, cli.Usage("--%s: want JSON", flag)
	}
	return json.RawMessage(text), nil
}

// body is the request: the file's fields, then the flags'.
func (f *endpointFlags) body(t *cli.Terminal, cmd *cobra.Command) (map[string]any, error) {
	body, err := f.read(t)
	if err != nil {
		return nil, err
	}
	for _, v := range f.values {
		if cmd.Flags().Changed(v.flag) {
			if body[v.word], err = v.read(); err != nil {
				return nil, err
			}
		}
	}
	return body, nil
}

func (f *endpointFlags) read(t *cli.Terminal) (map[string]any, error) {
	body := map[string]any{}
	var text []byte
	var err error
	switch f.file {
	case "":
		return body, nil
	case "-":
		text, err = io.ReadAll(t.In)
	default:
		text, err = os.ReadFile(f.file)
	}
	if err != nil {
		return nil, cli.Usage("--file: %w", err)
	}
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &body); err != nil {
		return nil, cli.Usage("--file: want one JSON object: %w", err)
	}
	return body, nil
}
