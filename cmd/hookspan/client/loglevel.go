package client

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// LogLevelCommand shows how much a server logs, and changes it.
func LogLevelCommand(t *cli.Terminal) *cobra.Command {
	var c Connection
	cmd := &cobra.Command{
		Use:   "log-level [LEVEL]",
		Short: "Show how much a running server logs, or change it",
		Long: "Show from which level on a running server writes lines into its log, or change it to " + logline.Words + ".\n" +
			"A change holds until the process ends, and for that process alone: of several replicas each is asked for itself.\n" +
			"SIGUSR1 does the same without the API: it turns debug on, and off again.",
		Example: "  hookspan log-level\n  hookspan log-level debug",
		Args:    cobra.MaximumNArgs(1),
	}
	c.Flags(cmd)
	cmd.RunE = t.Action(func(cmd *cobra.Command, args []string) error {
		method, body := http.MethodGet, any(nil)
		if len(args) == 1 {
			level, known := logline.Parse(args[0])
			if !known {
				return cli.Usage("LEVEL: want %s", logline.Words)
			}
			method, body = http.MethodPut, map[string]string{"level": logline.Word(level)}
		}
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		var now struct {
			Level      string `json:"level"`
			Configured string `json:"configured"`
		}
		if err := client.Call(cmd.Context(), method, "/v1/log-level", nil, body, &now); err != nil {
			return err
		}
		return t.Document(now, func(w io.Writer) {
			fmt.Fprintf(w, "%s (configured: %s)\n", now.Level, now.Configured)
		})
	})
	return cmd
}
