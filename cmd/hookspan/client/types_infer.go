package client

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// looked says which events were looked into.
type looked struct {
	Events  int       `json:"events"`
	Without int       `json:"without_json"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Partial bool      `json:"partial"`
	LeftOut bool      `json:"left_out"`
}

func (l *looked) String() string {
	text := fmt.Sprintf("of the newest %d events, stored from %s to %s", l.Events, clock(l.Since), clock(l.Until))
	if l.Without > 0 {
		text += fmt.Sprintf("; %d of them have no JSON data and count for nothing", l.Without)
	}
	if l.Partial {
		text += "; the time did not suffice to look for all of them, and there may be newer ones"
	}
	if l.LeftOut {
		text += "; they hold more than is looked into, which is left out"
	}
	return text
}

func typeInfer(t *cli.Terminal, c *Connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "infer TYPE",
		Short: "Make a JSON Schema of the newest events of a type",
		Long: "Make a JSON Schema (draft 2020-12) of what the newest events of a type have in common, and print it. Required is what all have, a format is what all texts have, " +
			"three at least; a closed set of values is never guessed, and no member is forbidden. With --json it comes with which events were looked into.",
		Example: "  hookspan types infer com.example.order.paid > order-paid.json\n  hookspan types infer com.example.order.paid --last 1000 --json",
		Args:    cobra.ExactArgs(1),
	}
	last := lastFlag(cmd)
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		var v struct {
			looked
			Schema json.RawMessage `json:"schema"`
		}
		answer, err := typeAnswer(cmd, t, c, "/"+url.PathEscape(args[0])+"/inferred", last(), &v)
		if err != nil {
			return err
		}
		if !t.JSON {
			t.Progress("%s", v.looked.String())
		}
		return t.Document(answer, func(w io.Writer) { writeJSON(w, v.Schema) })
	})
	return cmd
}

// lastFlag is how many events are looked into.
func lastFlag(cmd *cobra.Command) func() url.Values {
	last := cmd.Flags().Int("last", 100, "how many events, at most 1000")
	return func() url.Values { return url.Values{"last": {strconv.Itoa(*last)}} }
}

func typeDiff(t *cli.Terminal, c *Connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff TYPE",
		Short: "Compare the newest events of a type with its schema",
		Long: "Compare the newest events of a type with its schema: members that arrive and that the schema does not name, members that it requires and that are missing, " +
			"values of types that it does not allow. The exit code is 1 when there is a difference.",
		Example: "  hookspan types diff com.sticker.order.shipped\n  hookspan types diff com.sticker.order.shipped --last 1000 --json",
		Args:    cobra.ExactArgs(1),
	}
	last := lastFlag(cmd)
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		var v struct {
			looked
			Schema      string `json:"schema"`
			More        bool   `json:"more"`
			Differences []struct {
				Path     string   `json:"path"`
				Kind     string   `json:"kind"`
				Declared []string `json:"declared"`
				Arrived  []string `json:"arrived"`
				Detail   string   `json:"detail"`
			} `json:"differences"`
		}
		answer, err := typeAnswer(cmd, t, c, "/"+url.PathEscape(args[0])+"/diff", last(), &v)
		if err != nil {
			return err
		}
		err = t.Document(answer, func(w io.Writer) {
			fmt.Fprintf(w, "%s\n%s\n", cli.Plain(v.Schema), v.looked.String())
			g := cli.NewGrid(w, "PATH", "DIFFERENCE", "SCHEMA SAYS", "ARRIVES", "DETAIL")
			for _, d := range v.Differences {
				g.Row(cmp.Or(d.Path, "-"), d.Kind, cmp.Or(strings.Join(d.Declared, ", "), "-"), cmp.Or(strings.Join(d.Arrived, ", "), "-"), d.Detail)
			}
			if len(v.Differences) > 0 {
				_ = g.End() // to a terminal; the exit code is about the request
			} else {
				fmt.Fprintln(w, "there is no difference")
			}
			if v.More {
				fmt.Fprintf(w, "there are more; the first %d are shown\n", len(v.Differences))
			}
		})
		if n := len(v.Differences); err == nil && n > 0 {
			than := ""
			if v.More {
				than = "more than "
			}
			err = fmt.Errorf("%s%d difference(s) from the schema", than, n)
		}
		return err
	})
	return cmd
}
