// Package root is the program: every command, under the one that serves. It is beside main so
// that tests can be the program.
package root

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/bench"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/client"
	"github.com/hookspan/hookspan/cmd/hookspan/request"
	"github.com/hookspan/hookspan/cmd/hookspan/roundtrip"
	"github.com/hookspan/hookspan/cmd/hookspan/server"
)

// Main runs the command that this process was started with and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	t := &cli.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ()}
	return t.Run(ctx, Command, os.Args[1:])
}

// Command is the root of all commands.
func Command(t *cli.Terminal) *cobra.Command {
	serve := server.ServeCommand(t)
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
	root.AddCommand(
		serve, server.DevCommand(t), request.TriggerCommand(t), request.VerifyCommand(t, server.Configured),
		client.EndpointsCommand(t), client.DeliveriesCommand(t), client.TypesCommand(t), client.StatsCommand(t), client.DeadCommand(t), client.QuarantineCommand(t), client.ReplayCommand(t), client.RefusalsCommand(t), client.KeysCommand(t), client.LogLevelCommand(t),
		request.ProviderCommand(t), server.ConfigCommand(t), server.DoctorCommand(t), server.BackupCommand(t), server.RestoreCommand(t), roundtrip.Command(t), bench.Command(t), cli.VersionCommand(t),
	)
	return root
}
