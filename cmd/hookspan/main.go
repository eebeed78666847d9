// Command hookspan joins webhooks and a message bus, in both directions.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/config"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := &terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()}
	return t.run(ctx, os.Args[1:])
}

// Exit codes, as scripts rely on them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong usage or configuration
)

// A terminal is what a command talks to: the outside of the process, given as values.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	environ  []string

	json bool // --json: one document, or one line per item
	ran  bool // the arguments were right, and a command began
}

// A usageError is one of whoever typed the command.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usage(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

func (t *terminal) run(ctx context.Context, args []string) int {
	t.out, t.err = guarded{t.out}, guarded{t.err}
	root := t.rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var problems config.Problems
	var wrong usageError
	switch {
	case err == nil:
		return exitDone
	case !t.ran || errors.As(err, &wrong):
		fmt.Fprintf(t.err, "hookspan: %v\nSee hookspan --help.\n", err)
		return exitUsage
	case errors.As(err, &problems):
		fmt.Fprintf(t.err, "hookspan: the configuration has %d problem(s):\n%v\n", len(problems), err)
		return exitUsage
	}
	fmt.Fprintf(t.err, "hookspan: %v\n", err)
	return exitFailed
}

func (t *terminal) rootCommand() *cobra.Command {
	serve := t.serveCommand()
	root := &cobra.Command{
		Use:           "hookspan",
		Short:         "Joins webhooks and a message bus, in both directions",
		Long:          "Hookspan takes webhooks in, keeps them as CloudEvents on a bus, and sends events of the bus out as signed webhooks.\nWithout a command it serves.",
		Example:       "  hookspan dev\n  HOOKSPAN_SOURCES=shop HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker HOOKSPAN_SOURCE_SHOP_SECRETS=… hookspan",
		Args:          cobra.NoArgs,
		RunE:          serve.RunE,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.PersistentFlags().BoolVar(&t.json, "json", false, "print JSON: one document, or one line per item")
	root.AddCommand(
		serve, t.devCommand(), t.triggerCommand(), t.verifyCommand(),
		t.endpointsCommand(), t.deliveriesCommand(), t.refusalsCommand(),
		t.providerCommand(), t.configCommand(), t.doctorCommand(), t.benchCommand(), t.versionCommand(),
	)
	return root
}

// action is what a command does once its arguments are known to be right.
func (t *terminal) action(do func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		t.ran = true
		return do(cmd, args)
	}
}

// variable reads one variable of the environment; "" when it is not set.
func (t *terminal) variable(name string) string {
	for i := len(t.environ) - 1; i >= 0; i-- {
		if text, ok := strings.CutPrefix(t.environ[i], name+"="); ok {
			return text
		}
	}
	return ""
}
