package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/cmd/hookspan/adapter"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/cmd/hookspan/otlp"
)

// ConfigCommand is the command and all below it.
func ConfigCommand(t *cli.Terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check the configuration, or show every setting",
		Example: "  hookspan config check\n  hookspan config docs",
		Args:    cobra.NoArgs,
	}
	cmd.AddCommand(configCheck(t), configDocs(t))
	return cmd
}

// Configured reads the configuration and holds it against all that a start would refuse.
func Configured(ctx context.Context, environ []string) (*config.Config, error) {
	c, err := config.Load(environ)
	if err != nil {
		return nil, err
	}
	sender := newSender(c, func() []netip.AddrPort { return plannedListeners(c) }, nil, nil)
	defer sender.Close()
	problems := app.Check(ctx, c, sender.CheckEndpoint)
	if err := adapter.New(c, slog.New(slog.DiscardHandler), prometheus.NewRegistry()).Check(); err != nil {
		problems = append(problems, config.Problem{Where: c.Setting(atFault(err)), What: err.Error()})
	}
	problems = append(problems, otlp.Check(environ)...)
	if len(problems) > 0 {
		return nil, problems.Sorted()
	}
	return c, nil
}

// atFault is the setting because of which a bus could not be opened.
func atFault(err error) string {
	if _, private := errors.AsType[*bus.PrivateError](err); private {
		return "topics"
	}
	return "bus"
}

// A summary is what a configuration comes to; it holds no secret.
type summary struct {
	Listen    string   `json:"listen"`
	Admin     string   `json:"admin_listen"`
	Bus       string   `json:"bus"`
	Sources   []string `json:"sources"`
	Endpoints []string `json:"endpoints"`
	Files     []string `json:"files"`
	Warnings  []string `json:"warnings"`
}

func configCheck(t *cli.Terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check the environment and the configuration file without serving",
		Long: "Check the environment and the file that HOOKSPAN_CONFIG names, or the file that is given, as a start would: with\n" +
			"providers, signatures, certificates, the addresses of endpoints, and the keys that a server keeps in the data folder.\n" +
			"Every problem is shown; the exit code is 2 then. Where only this machine could not listen, or make the data folder,\n" +
			"that is a warning: the server's may.",
		Example: "  hookspan config check\n  hookspan config check hookspan.yaml --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: t.Action(func(cmd *cobra.Command, args []string) error {
			environ := t.Environ
			if len(args) == 1 {
				environ = append(environ[:len(environ):len(environ)], "HOOKSPAN_CONFIG="+args[0])
			}
			cfg, err := Configured(cmd.Context(), environ)
			if err != nil {
				return problems(t, err)
			}
			s := summarize(cfg)
			return t.Document(s, s.write)
		}),
	}
}

// problems prints what is wrong as JSON, where that is asked for; it returns the error itself.
func problems(t *cli.Terminal, err error) error {
	var problems config.Problems
	if !t.JSON || !errors.As(err, &problems) {
		return err
	}
	return errors.Join(err, t.Document(struct {
		Problems config.Problems `json:"problems"`
	}{problems}, nil))
}

func summarize(cfg *config.Config) *summary {
	s := &summary{
		Listen: string(cfg.Listen), Admin: string(cfg.AdminListen), Bus: string(cfg.Bus.Kind),
		Sources: []string{}, Endpoints: []string{}, Files: append([]string{}, cfg.Files...), Warnings: []string{},
	}
	for i := range cfg.Sources {
		s.Sources = append(s.Sources, cfg.Sources[i].Name)
	}
	for i := range cfg.Endpoints {
		s.Endpoints = append(s.Endpoints, cfg.Endpoints[i].Name)
	}
	for _, w := range cfg.Warnings {
		s.Warnings = append(s.Warnings, w.Error())
	}
	return s
}

func (s *summary) write(w io.Writer) {
	fmt.Fprintf(w, "The configuration is right: %d source(s), %d endpoint(s), bus %s, intake %s, admin %s.\n",
		len(s.Sources), len(s.Endpoints), s.Bus, s.Listen, s.Admin)
	for _, warning := range s.Warnings {
		fmt.Fprintf(w, "warning: %s\n", warning)
	}
}

func configDocs(t *cli.Terminal) *cobra.Command {
	return &cobra.Command{
		Use:     "docs",
		Short:   "Show every setting, its default and its meaning",
		Example: "  hookspan config docs\n  hookspan config docs --json",
		Args:    cobra.NoArgs,
		RunE: t.Action(func(*cobra.Command, []string) error {
			return t.Document(config.Tables(), func(w io.Writer) { fmt.Fprint(w, config.Markdown()) })
		}),
	}
}
