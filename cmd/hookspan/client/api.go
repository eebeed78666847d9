package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// An API talks to the admin API of a running server.
type API struct {
	Server *url.URL
	Token  string
	HTTP   *http.Client
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
		fmt.Fprintf(&b, " (%s)", cli.Plain(p.Code))
	}
	if text := cmp.Or(p.Detail, p.Title); text != "" {
		b.WriteString(": " + cli.Plain(text))
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "\n  %s: %s", cli.Plain(e.Path), cli.Plain(e.Message))
	}
	if p.Status < 400 {
		b.WriteString("; redirects are not followed, because the token would go along: give the address that it leads to")
	}
	return b.String()
}

// Status is that of the problem which a server answered with; 0 where err is another.
func Status(err error) int {
	var p *problemAnswer
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}

// maxAnswer bounds what is read of one answer.
const maxAnswer = 64 << 20

// Call sends one request and decodes the answer into out, if there is an out.
func (c *API) Call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	_, err := c.CallIf(ctx, "", method, path, query, in, out)
	return err
}

// CallIf is Call for a thing whose ETag is match still, "" for any. It returns the ETag in the answer.
func (c *API) CallIf(ctx context.Context, match, method, path string, query url.Values, in, out any) (tag string, err error) {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return "", fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(text)
	}
	req, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return "", err
	}
	if match != "" {
		req.Header.Set("If-Match", match)
	}
	req.Header.Set("Accept", "application/json")
	switch {
	case method == http.MethodPatch:
		req.Header.Set("Content-Type", "application/merge-patch+json")
	case in != nil:
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		return "", fmt.Errorf("ask the server: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read-only
	return res.Header.Get("ETag"), c.answer(res, out)
}

// Download copies the answer of a GET as it comes, for as long as it takes.
func (c *API) Download(ctx context.Context, path string, query url.Values, to io.Writer) error {
	req, err := c.request(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	patient := *c.HTTP
	patient.Timeout = 0
	res, err := patient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the server: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read-only
	if res.StatusCode != http.StatusOK {
		return c.answer(res, nil)
	}
	if _, err := io.Copy(to, res.Body); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

// request is one that carries the token.
func (c *API) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	target := c.Server.JoinPath(path)
	target.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	return req, nil
}

func (c *API) answer(res *http.Response, out any) error {
	err := decodeAnswer(res, out)
	if c.Token == "" && res.StatusCode == http.StatusUnauthorized {
		err = fmt.Errorf("%w; no token was sent: give --token or HOOKSPAN_ADMIN_TOKEN (the data folder's goes to the address there alone)", err)
	}
	return err
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
	Items  []json.RawMessage `json:"items"`
	Next   string            `json:"next"`
	Behind []json.RawMessage `json:"behind"` // beside the deliveries of one event

	Counted json.RawMessage `json:"counted"` // beside types of events
}

// list hands over the items of a list, up to limit (0: all).
func (c *API) list(ctx context.Context, path string, query url.Values, limit int, each func(json.RawMessage) error) error {
	return c.pages(ctx, path, query, limit, func(p *page) error {
		for _, item := range p.Items {
			if err := each(item); err != nil {
				return err
			}
		}
		return nil
	})
}

// pages hands over a list page by page, until limit items (0: all) have been.
func (c *API) pages(ctx context.Context, path string, query url.Values, limit int, each func(*page) error) error {
	for seen := 0; ; {
		var p page
		if err := c.Call(ctx, http.MethodGet, path, query, nil, &p); err != nil {
			return err
		}
		if limit > 0 {
			p.Items = p.Items[:min(len(p.Items), limit-seen)]
		}
		if err := each(&p); err != nil {
			return err
		}
		seen += len(p.Items)
		if p.Next == "" || len(p.Items) == 0 || (limit > 0 && seen == limit) {
			return nil
		}
		query.Set("cursor", p.Next)
	}
}
