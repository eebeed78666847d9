package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/config"
)

// Exit codes, as scripts rely on them.
const (
	ExitDone   = 0
	ExitFailed = 1
	ExitUsage  = 2 // wrong usage or configuration
)

// A Terminal is what a command talks to: the outside of the process, given as values.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	Environ  []string

	JSON bool // --json: one document, or one line per item
	ran  bool // the arguments were right, and a command began
}

// A usageError is one of whoever typed the command.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

// Usage is an error of whoever typed the command.
func Usage(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// Run executes the command that the arguments name among those of root, which was made for
// this terminal, and returns the exit code.
func (t *Terminal) Run(ctx context.Context, root func(*Terminal) *cobra.Command, args []string) int {
	t.Out, t.Err = guarded{t.Out}, guarded{t.Err}
	cmd := root(t)
	cmd.SetIn(t.In)
	cmd.SetOut(t.Out)
	cmd.SetErr(t.Err)
	cmd.PersistentFlags().BoolVar(&t.JSON, "json", false, "print JSON: one document, or one line per item")
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	var problems config.Problems
	var wrong usageError
	switch {
	case err == nil:
		return ExitDone
	case !t.ran || errors.As(err, &wrong):
		fmt.Fprintf(t.Err, "hookspan: %v\nSee hookspan --help.\n", err)
		return ExitUsage
	case errors.As(err, &problems):
		fmt.Fprintf(t.Err, "hookspan: the configuration has %d problem(s):\n%v\n", len(problems), err)
		return ExitUsage
	}
	fmt.Fprintf(t.Err, "hookspan: %v\n", err)
	return ExitFailed
}

// Action is what a command does once its arguments are known to be right.
func (t *Terminal) Action(do func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		t.ran = true
		return do(cmd, args)
	}
}

// Variable reads one variable of the environment; "" when it is not set.
func (t *Terminal) Variable(name string) string {
	for i := len(t.Environ) - 1; i >= 0; i-- {
		if text, ok := strings.CutPrefix(t.Environ[i], name+"="); ok {
			return text
		}
	}
	return ""
}

// Progress tells people what is going on; it never mixes with the result.
func (t *Terminal) Progress(format string, a ...any) { fmt.Fprintf(t.Err, format+"\n", a...) }

// Reachable turns an address that listens everywhere into one that can be called.
func Reachable(addr string) string {
	for _, all := range []string{"[::]:", "0.0.0.0:"} {
		if port, ok := strings.CutPrefix(addr, all); ok {
			return "127.0.0.1:" + port
		}
	}
	return addr
}
