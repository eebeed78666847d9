package request

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/provider/draft"
	"github.com/hookspan/hookspan/bridge/provider/vector"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// newFlags say which request is taken, and where the draft goes.
type newFlags struct {
	requestFlags
	file, output string
}

// A drafted is what provider new made.
type drafted struct {
	Provider    string       `json:"provider"`
	Proven      bool         `json:"proven"`
	File        string       `json:"file,omitempty"`         // that was written
	VectorsFile string       `json:"vectors_file,omitempty"` // that was written
	Text        string       `json:"text"`                   // of the file
	Vectors     string       `json:"vectors,omitempty"`      // the text of theirs
	Notes       []draft.Note `json:"notes"`
}

func newCommand(t *cli.Terminal) *cobra.Command {
	var f newFlags
	cmd := &cobra.Command{
		Use:   "new NAME --request FILE",
		Short: "Draft a provider file from a saved request",
		Long: "Write the file of a provider of your own from one request, with comments that say what of it is guessed: where the signature\n" +
			"stands, its hash, encoding and prefix, the time, the event's id and type. With the secret the usual ways to sign are tried until one\n" +
			"makes the request genuine: then it is proven, and vectors/NAME.json beside the file holds the request, signed anew with an invented\n" +
			"secret, so that neither file holds yours. What the body says is in both: take out what is personal.",
		Example: "  hookspan provider new shop --request request.txt\n" +
			"  hookspan provider new shop --request request.txt --secret-file secret --output providers",
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&f.file, "request", "", "file with the request as text, as verify takes it; - reads standard input")
	cmd.Flags().StringVar(&f.output, "output", "", "folder, or file NAME.yaml, to write to; nothing is overwritten (default: standard output)")
	f.saved(cmd)
	cmd.RunE = t.Action(func(_ *cobra.Command, args []string) error {
		made, err := f.draft(t, args[0])
		if err != nil {
			return err
		}
		d := &drafted{Provider: made.Provider, Proven: made.Proven, Text: string(made.Text), Vectors: string(made.Vectors), Notes: made.Notes}
		if f.output != "" {
			if err := d.save(f.output); err != nil {
				return err
			}
		}
		return d.print(t)
	})
	return cmd
}

// draft reads the request and drafts.
func (f *newFlags) draft(t *cli.Terminal, name string) (*draft.Draft, error) {
	var file []string
	if f.file != "" {
		file = []string{f.file}
	} else if f.bodyFile == "" {
		return nil, cli.Usage("--request is missing, or --body-file with --header")
	}
	request, err := f.request(t, file)
	if err != nil {
		return nil, err
	}
	if f.url == "" {
		if request.URL, err = (&judge{}).url(request); err != nil {
			return nil, err
		}
	}
	var secrets []string
	if f.secret.Given() {
		if secrets, err = f.secret.Open(); err != nil {
			return nil, err
		}
	}
	catalog, err := catalog(t)
	if err != nil {
		return nil, err
	}
	made, err := draft.New(catalog, name, request, secrets)
	if err != nil {
		return nil, cli.Usage("%w", err)
	}
	return made, nil
}

// save writes the draft into files that are not there yet.
func (d *drafted) save(output string) error {
	if at, err := os.Stat(output); err == nil && at.IsDir() {
		output = filepath.Join(output, d.Provider+".yaml")
	}
	switch filepath.Base(output) {
	case d.Provider + ".yaml", d.Provider + ".yml":
	default:
		return cli.Usage("--output: want a folder that is there, or the file %s.yaml: it has the name of the provider", d.Provider)
	}
	vectors := ""
	if d.Vectors != "" {
		vectors = vector.Beside(output, d.Provider)
	}
	for _, place := range []string{output, vectors} {
		if _, err := os.Lstat(place); place != "" && !errors.Is(err, fs.ErrNotExist) {
			return cli.Usage("--output: %s is there already, and nothing is overwritten: move it, or name another folder", place)
		}
	}
	if err := create(output, d.Text); err != nil {
		return err
	}
	d.File = output
	if vectors == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(vectors), 0o755); err != nil {
		return fmt.Errorf("make the folder of the vectors: %w", err)
	}
	d.VectorsFile = vectors
	return create(vectors, d.Vectors)
}

// create writes a file that must not be there, nor come in between.
func create(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return cli.Usage("--output: %w", err)
	}
	_, err = file.WriteString(text)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the draft: %w", err)
	}
	return nil
}

// print shows the draft: the file on standard output, unless it was written, and beside it what it rests on.
func (d *drafted) print(t *cli.Terminal) error {
	if t.JSON {
		return t.Document(d, nil)
	}
	if d.File != "" {
		fmt.Fprintf(t.Out, "wrote %s\n", d.File)
		if d.VectorsFile != "" {
			fmt.Fprintf(t.Out, "wrote %s\n", d.VectorsFile)
		}
		d.write(t.Out)
		return nil
	}
	if _, err := io.WriteString(cli.Raw(t.Out), d.Text); err != nil {
		return err
	}
	d.write(t.Err)
	return nil
}

func (d *drafted) write(w io.Writer) {
	for _, note := range d.Notes {
		fmt.Fprintf(w, "%s: %s\n", strings.ReplaceAll(string(note.Rests), "_", " "), note.Text)
	}
	switch {
	case !d.Proven:
		fmt.Fprintln(w, "Nothing is proven: give the secret of this webhook with --secret-file.")
	case d.VectorsFile != "":
		fmt.Fprintf(w, "hookspan provider test %s runs the vectors.\n", d.File)
	case d.Vectors != "":
		fmt.Fprintln(w, "With --output the vectors are written too.")
	}
}
