package request

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/provider/vector"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// errVectors is the error of files that do not hold; what is wrong was printed.
var errVectors = errors.New("not every file holds")

func testCommand(t *cli.Terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "test FILE...",
		Short: "Run the vectors of provider files",
		Long: "Load provider files and run their vectors: those of DIR/NAME.yaml stand in DIR/vectors/NAME.json. Each is a request that the\n" +
			"provider really made, with its secret and with the event that it means. It has to be accepted, to mean that event, and to be\n" +
			"refused when it is altered: a byte of the body, every character of the signature, the secret, the time, nothing signed at all. What\n" +
			"could not be tried stands behind \"not tried\": a signature, for one, is altered where the vector's expected names it.",
		Example: "  hookspan provider test providers/shop.yaml\n  hookspan provider test providers/*.yaml --json",
		Args:    cobra.MinimumNArgs(1),
		RunE: t.Action(func(_ *cobra.Command, files []string) error {
			catalog, err := catalog(t)
			if err != nil {
				return err
			}
			held := true
			for _, file := range files {
				f := checkedFile{terminal: t, path: file}
				if err := f.check(catalog); err != nil {
					return err
				}
				held = held && f.held
			}
			if !held {
				return errVectors
			}
			return nil
		}),
	}
}

// A checkedFile is a provider file whose vectors are run.
type checkedFile struct {
	terminal *cli.Terminal
	path     string
	held     bool
}

// A checkedVector is a line of what provider test prints.
type checkedVector struct {
	File     string `json:"file"`
	Provider string `json:"provider,omitempty"`
	vector.Outcome
}

// check prints a line for each vector, or one of what keeps them from being run.
func (f *checkedFile) check(catalog *provider.Catalog) error {
	text, err := os.ReadFile(f.path)
	if err != nil {
		return cli.Usage("FILE: %w", err)
	}
	p, err := catalog.Read(f.path, text)
	if err != nil {
		return f.report("", vector.Outcome{NotTried: []string{}, Faults: []string{err.Error()}})
	}
	vectors, err := f.vectors(p.Name)
	if err != nil {
		return f.report(p.Name, vector.Outcome{NotTried: []string{}, Faults: []string{err.Error()}})
	}
	f.held = true
	for _, v := range vectors.Vectors {
		if err := f.report(p.Name, vectors.Check(p, v)); err != nil {
			return err
		}
	}
	return nil
}

func (f *checkedFile) vectors(name string) (*vector.File, error) {
	place := vector.Beside(f.path, name)
	text, err := os.ReadFile(place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("it loads, and has no vectors: write %s, as hookspan provider new does it from a request and its secret, or from what hookspan trigger %s --print makes of the file's samples", place, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the vectors: %w", err)
	}
	vectors, err := vector.Parse(text)
	if err == nil && vectors.Provider != name {
		err = fmt.Errorf("provider: %q is not %s", vectors.Provider, name)
	}
	if err != nil {
		return nil, fmt.Errorf("vectors %s: %w", place, err)
	}
	return vectors, nil
}

// report prints what became of one vector; one without an id is the file itself.
func (f *checkedFile) report(name string, o vector.Outcome) error {
	f.held = f.held && len(o.Faults) == 0
	t := f.terminal
	if t.JSON {
		return t.Line(checkedVector{f.path, name, o})
	}
	what := filepath.Base(f.path)
	if o.ID != "" {
		what = name + "/" + o.ID
	}
	if len(o.Faults) == 0 {
		fmt.Fprintf(t.Out, "%s: holds; %d alterations of it are refused\n", what, o.Refusals)
	} else {
		fmt.Fprintf(t.Out, "%s: FAILED\n", what)
	}
	for _, fault := range o.Faults {
		fmt.Fprintf(t.Out, "  %s\n", fault)
	}
	for _, left := range o.NotTried {
		fmt.Fprintf(t.Out, "  not tried: %s\n", left)
	}
	return nil
}
