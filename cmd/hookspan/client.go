package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Files that a server leaves in its data folder for commands on the same machine.
const (
	dataFolder       = "./hookspan-data"
	adminAddressFile = "admin-address" // the URL of the admin listener
	adminTokenFile   = "admin-token"   // mode 0600
)

// A client talks to the admin API of a running server.
type client struct {
	server *url.URL
	token  string
	http   *http.Client
}

// A connection is the flags of the commands that talk to a server.
type connection struct{ server, token string }

func (c *connection) flags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&c.server, "server", "", "URL of the admin listener (default HOOKSPAN_SERVER, else from the data folder)")
	cmd.PersistentFlags().StringVar(&c.token, "token", "", "bearer token (default HOOKSPAN_ADMIN_TOKEN, else from the data folder)")
}

// open finds server and token: flag, environment, data folder.
func (c *connection) open(t *terminal) (*client, error) {
	folder := first(t.variable("HOOKSPAN_DATA_DIR"), dataFolder)
	server := first(c.server, t.variable("HOOKSPAN_SERVER"), fileText(filepath.Join(folder, adminAddressFile)))
	token := first(c.token, t.variable("HOOKSPAN_ADMIN_TOKEN"), fileText(t.variable("HOOKSPAN_ADMIN_TOKEN_FILE")), fileText(filepath.Join(folder, adminTokenFile)))
	if server == "" {
		return nil, usage("no server known: %s holds none; give --server or HOOKSPAN_SERVER", folder)
	}
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, usage("--server: want a URL such as http://127.0.0.1:8081")
	}
	return &client{server: u, token: token, http: &http.Client{Timeout: time.Minute}}, nil
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// fileText is the content of a small file, "" when it cannot be read.
func fileText(path string) string {
	if path == "" {
		return ""
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// A problemAnswer is a problem that the server answered with (RFC 9457).
type problemAnswer struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Errors []struct {
		Path    string `json:"path"`
		Message string `json:"message"`
	} `json:"errors"`
}

func (p *problemAnswer) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the server answered %d", p.Status)
	if p.Code != "" {
		fmt.Fprintf(&b, " (%s)", p.Code)
	}
	if text := first(p.Detail, p.Title); text != "" {
		b.WriteString(": " + text)
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "\n  %s: %s", e.Path, e.Message)
	}
	return b.String()
}

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// call sends one request and decodes the answer into out, if there is an out.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	target := c.server.JoinPath(path)
	target.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	switch {
	case method == http.MethodPatch:
		req.Header.Set("Content-Type", "application/merge-patch+json")
	case in != nil:
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read-only
	return decodeAnswer(res, out)
}

func decodeAnswer(res *http.Response, out any) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if res.StatusCode >= 300 {
		p := &problemAnswer{}
		if json.Unmarshal(text, p) != nil {
			p = &problemAnswer{}
		}
		p.Status = res.StatusCode
		return p
	}
	if out == nil || len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return nil
}

// A page is one answer of a list.
type page struct {
	Items []json.RawMessage `json:"items"`
	Next  string            `json:"next"`
}

// list hands over the items of a list, page by page, up to limit (0: all).
func (c *client) list(ctx context.Context, path string, query url.Values, limit int, each func(json.RawMessage) error) error {
	for seen := 0; ; {
		var p page
		if err := c.call(ctx, http.MethodGet, path, query, nil, &p); err != nil {
			return err
		}
		for _, item := range p.Items {
			if limit > 0 && seen == limit {
				return nil
			}
			if err := each(item); err != nil {
				return err
			}
			seen++
		}
		if p.Next == "" || len(p.Items) == 0 || (limit > 0 && seen == limit) {
			return nil
		}
		query.Set("cursor", p.Next)
	}
}
