package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// KeysPath is that of the seal keys.
const KeysPath = "/v1/keys"

// rotationPatience is more than a server takes to seal all endpoints anew.
const rotationPatience = 11 * time.Minute

// KeysCommand is the command and all below it.
func KeysCommand(t *cli.Terminal) *cobra.Command {
	var c Connection
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Show the keys that seal the secrets of endpoints, or go over to a newer one",
		Long: "Show the seal keys by their ids (the keys themselves are never shown), how many endpoints each seals, and which other replica\n" +
			"has which, as far as it was heard of within the last five minutes. A key that seals no endpoint can be taken out of HOOKSPAN_SEAL_KEY;\n" +
			"backups that were made with it need it still.",
		Example: "  hookspan keys\n  hookspan keys rotate",
		Args:    cobra.NoArgs,
	}
	c.Flags(cmd)
	cmd.RunE = t.Action(func(cmd *cobra.Command, _ []string) error {
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		var answer json.RawMessage
		if err := client.Call(cmd.Context(), http.MethodGet, KeysPath, nil, nil, &answer); err != nil {
			return err
		}
		if t.JSON {
			return t.Document(answer, nil)
		}
		return showKeys(t.Out, answer)
	})
	cmd.AddCommand(keysRotate(t, &c))
	return cmd
}

// A sealKeys is the part of the answer that people are shown.
type sealKeys struct {
	Newest string `json:"newest"`
	Keys   []struct {
		ID        string `json:"id"`
		Given     bool   `json:"given"`
		Endpoints int    `json:"endpoints"`
	} `json:"keys"`
	Replicas []replica `json:"replicas"`
}

type replica struct {
	Name string    `json:"name"`
	Seen time.Time `json:"seen"`
	Keys []string  `json:"keys"`
}

func showKeys(w io.Writer, answer json.RawMessage) error {
	var v sealKeys
	if err := json.Unmarshal(answer, &v); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	g := cli.NewGrid(w, "KEY", "ENDPOINTS", "")
	for _, k := range v.Keys {
		what := "older"
		switch {
		case !k.Given:
			what = "missing here: add it to HOOKSPAN_SEAL_KEY"
		case k.ID == v.Newest:
			what = "newest, seals"
		}
		g.Row(k.ID, strconv.Itoa(k.Endpoints), what)
	}
	if len(v.Keys) == 0 {
		g.Row("none", "0", "set HOOKSPAN_SEAL_KEY to 32 random bytes in base64")
	}
	if err := g.End(); err != nil || len(v.Replicas) == 0 {
		return err
	}
	fmt.Fprintln(w)
	g = cli.NewGrid(w, "OTHER REPLICA", "SEEN", "KEYS, NEWEST FIRST")
	for _, r := range v.Replicas {
		g.Row(r.Name, r.Seen.UTC().Format(time.RFC3339), strings.Join(r.Keys, " "))
	}
	return g.End()
}

// A resealed is the answer to a rotation.
type resealed struct {
	Key     string `json:"key"`
	Sealed  int    `json:"sealed"`
	Already int    `json:"already"`
	Failed  []struct {
		Name   string `json:"name"`
		Detail string `json:"detail"`
	} `json:"failed"`
	Lacking []replica `json:"lacking"`
}

// errNotSealed: some endpoints are sealed with another key still.
var errNotSealed = errors.New("not all endpoints are sealed with the newest key: keep the others, do what is said above, and run this again")

func keysRotate(t *cli.Terminal, c *Connection) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Seal the secrets of all endpoints anew with the newest key, while the fleet runs",
		Long: "Seal the secrets of all endpoints anew with the newest key, while the fleet runs: signing secrets, headers, logins, TLS keys, proxies\n" +
			"and encryption keys of those that the API made. First put a new key (openssl rand -base64 32) in front in HOOKSPAN_SEAL_KEY of all\n" +
			"replicas; a file that holds it (HOOKSPAN_SEAL_KEY_FILE) is read again without a restart. A server on a bus of its own that keeps its key\n" +
			"in the data folder makes a new one with --new. It says how many were sealed anew, which could not be and why, and which replicas lack\n" +
			"the key. It can be cut off and run again at any time. What is in an earlier backup stays sealed with the key of then.",
		Example: "  hookspan keys rotate\n  hookspan keys rotate --new",
		Args:    cobra.NoArgs,
	}
	fresh := cmd.Flags().Bool("new", false, "make a new key first, where the server keeps its key in its data folder")
	cmd.RunE = t.Action(func(cmd *cobra.Command, _ []string) error {
		client, err := c.Open(t)
		if err != nil {
			return err
		}
		client.HTTP.Timeout = rotationPatience
		body := map[string]bool{}
		if *fresh {
			body["new"] = true
		}
		var answer json.RawMessage
		if err := client.Call(cmd.Context(), http.MethodPost, KeysPath+"/rotate", nil, body, &answer); err != nil {
			return err
		}
		var v resealed
		if err := json.Unmarshal(answer, &v); err != nil {
			return fmt.Errorf("decode the answer: %w", err)
		}
		if err := t.Document(answer, v.tell); err != nil {
			return err
		}
		if len(v.Failed) > 0 {
			return errNotSealed
		}
		return nil
	})
	return cmd
}

func (v *resealed) tell(w io.Writer) {
	fmt.Fprintf(w, "%d endpoint(s) sealed anew with the key %s, %d were already\n", v.Sealed, cli.Plain(v.Key), v.Already)
	for _, f := range v.Failed {
		fmt.Fprintf(w, "not sealed anew: %s: %s\n", cli.Plain(f.Name), cli.Plain(f.Detail))
	}
	for _, r := range v.Lacking {
		fmt.Fprintf(w, "lacks the key: replica %s (seen %s): give it the key before the older one is taken away\n", cli.Plain(r.Name), r.Seen.UTC().Format(time.RFC3339))
	}
	switch {
	case len(v.Failed)+len(v.Lacking) > 0:
	case v.Sealed == 0:
		fmt.Fprintln(w, "to go over to a newer key, put it in front in HOOKSPAN_SEAL_KEY first; a server that keeps its key itself makes one with --new")
	default:
		fmt.Fprintln(w, "the older keys seal nothing any more; hookspan keys shows that")
	}
}
