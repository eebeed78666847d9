package server

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// ServeCommand is what runs where no command is named.
func ServeCommand(t *cli.Terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Take webhooks in and send events out (the default command)",
		Long: "Serve: receive webhooks on HOOKSPAN_LISTEN, keep them on the bus, deliver to the registered endpoints.\n" +
			"All settings come from the environment and the file that HOOKSPAN_CONFIG names; see hookspan config docs.",
		Example: "  HOOKSPAN_SOURCES=shop HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker HOOKSPAN_SOURCE_SHOP_SECRETS=… hookspan serve",
		Args:    cobra.NoArgs,
		RunE:    t.Action(func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), t) }),
	}
}

func serve(ctx context.Context, t *cli.Terminal) error {
	c, err := Configured(ctx, t.Environ)
	if err != nil {
		return err
	}
	log := openLog(t, c.LogFormat, slog.Level(c.LogLevel))
	defer log.close()
	for _, w := range c.Warnings {
		log.Warn("configuration", slog.String("setting", w.Where), slog.String("detail", w.What))
	}
	tellProxies(log.Logger, t.Environ)
	hangup, stopListening := hangups()
	defer stopListening()
	p, err := Open(c, Parts{
		Log: log.Logger, LogLevel: log.level, Hangup: hangup,
		Reload: func() (*config.Config, error) { return Configured(ctx, t.Environ) },
	})
	if err != nil {
		return err
	}
	return p.run(ctx)
}

// hangups turns SIGHUP into requests for a reload.
func hangups() (<-chan struct{}, func()) {
	signals, asks := make(chan os.Signal, 1), make(chan struct{}, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for range signals {
			select {
			case asks <- struct{}{}:
			default:
			}
		}
	}()
	return asks, func() {
		signal.Stop(signals)
		close(signals)
	}
}

// Start runs a server in this process until stop is called, for benchmarks.
func Start(ctx context.Context, environ []string) (publicURL, adminURL string, stop func(), err error) {
	c, err := Configured(ctx, environ)
	if err != nil {
		return "", "", nil, err
	}
	p, err := Open(c, Parts{Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		return "", "", nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := p.run(ctx)
		if err != nil {
			slog.Error("server", slog.Any("error", err))
		}
		cancel(err)
	}()
	stop = func() { cancel(nil); <-done }
	if err := p.awaitReady(ctx); err != nil {
		stop()
		return "", "", nil, errors.Join(err, context.Cause(ctx))
	}
	return "http://" + cli.Reachable(p.IntakeAddr()), "http://" + cli.Reachable(p.AdminAddr()), stop, nil
}
