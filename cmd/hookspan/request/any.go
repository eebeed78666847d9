package request

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A Likeness is what verify --any found out about whose request it is.
type Likeness struct {
	Likely  []provider.Guess `json:"likely"`  // by the headers alone, the likeliest first
	Tried   bool             `json:"tried"`   // there was a secret
	Genuine []provider.Match `json:"genuine"` // as whose request it is genuine, with one of the secrets
}

var (
	errNobodys  = errors.New("the request is genuine as no provider's with this secret: check that the body is whole, and the secret this webhook's; a provider that is not known is described by hookspan provider new")
	errUnlikely = errors.New("no header of the request tells whose it is; with --secret or --secret-file every provider is tried")
)

// verifyAny finds out whose request it is.
func (f *requestFlags) verifyAny(t *cli.Terminal, args []string) error {
	if f.source != "" || len(f.options) > 0 || f.peer != "" || len(args) > 1 {
		return cli.Usage("--any takes a request alone: leave out PROVIDER, --source, --peer and --option")
	}
	request, err := f.request(t, args)
	if err != nil {
		return err
	}
	if f.url == "" {
		if request.URL, err = (&judge{}).url(request); err != nil {
			return err
		}
	}
	catalog, err := catalog(t)
	if err != nil {
		return err
	}
	found := &Likeness{Likely: catalog.Detect(request.Header), Tried: f.secret.Given(), Genuine: []provider.Match{}}
	if found.Tried {
		secrets, err := f.secret.Open()
		if err != nil {
			return err
		}
		found.Genuine = catalog.Matches(request, secrets)
	}
	if err := t.Document(found, found.write); err != nil {
		return err
	}
	switch {
	case found.Tried && len(found.Genuine) == 0:
		return errNobodys
	case !found.Tried && len(found.Likely) == 0:
		return errUnlikely
	}
	return nil
}

// shownGuesses are as many as people look at.
const shownGuesses = 10

func (l *Likeness) write(w io.Writer) {
	for _, m := range l.Genuine {
		fmt.Fprintf(w, "genuine as %s's", m.Provider)
		if m.Type != "" {
			fmt.Fprintf(w, ": type %s, id %s", m.Type, m.ID)
		}
		fmt.Fprintln(w)
		for _, one := range []struct{ text, value string }{
			{"not what it sends: ", m.Invalid}, {"the URL that was signed: ", m.URL}, {"a source refuses it all the same: ", m.Late},
		} {
			if one.value != "" {
				fmt.Fprintf(w, "  %s%s\n", one.text, one.value)
			}
		}
	}
	if len(l.Genuine) > 1 {
		fmt.Fprintln(w, "They prove requests alike, so which of them sent it is yours to say.")
	}
	if len(l.Genuine) > 0 || len(l.Likely) == 0 {
		return
	}
	if !l.Tried {
		fmt.Fprintln(w, "By its headers it may come from one of these; with --secret or --secret-file each is tried.")
	}
	g := cli.NewGrid(w, "PROVIDER", "SCORE", "HEADERS")
	for _, guess := range l.Likely[:min(len(l.Likely), shownGuesses)] {
		g.Row(guess.Provider, strconv.Itoa(guess.Score), strings.Join(guess.Headers, ", "))
	}
	_ = g.End() // it writes to the same place as what is above
	if more := len(l.Likely) - shownGuesses; more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
}
