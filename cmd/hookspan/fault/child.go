package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"time"
)

// A Site is where one Hookspan lives: the same folder, addresses and settings at every start.
type Site struct {
	Binary  string
	Folder  string   // data
	Environ []string // beside what follows from the rest
	Log     string   // file that all its processes write to

	// Addresses, as host:port. Bus is the embedded one's; "" leaves it closed.
	Intake, Admin, Bus string

	// Answered is shown what the admin listener answers; nil: nobody looks.
	Answered func(method, path string, status int, body []byte)
}

// Token is the API's, in all tests.
const Token = "a-token-for-tests"

// IntakeURL is where webhooks go.
func (s *Site) IntakeURL() string { return "http://" + s.Intake }

// A Child is one process of a site.
type Child struct {
	*Process
	Site *Site
}

// Start runs the binary. It returns as soon as the process exists. More environment overrides
// the site's.
func (s *Site) Start(more ...string) (*Child, error) {
	cmd := exec.Command(s.Binary)
	cmd.Env = append(s.environ(), more...)
	p, err := run(cmd, s.Log)
	if err != nil {
		return nil, err
	}
	return &Child{p, s}, nil
}

// Command runs the binary to its end, as an operator does beside the site, and returns all that it
// says.
func (s *Site) Command(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.Binary, args...)
	cmd.Env = s.environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("hookspan %v: %w: %s", args, err, out)
	}
	return string(out), nil
}

func (s *Site) environ() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOOKSPAN_DATA_DIR=" + s.Folder, "HOOKSPAN_ADMIN_TOKEN=" + Token,
		"HOOKSPAN_LISTEN=" + s.Intake, "HOOKSPAN_ADMIN_LISTEN=" + s.Admin,
		"HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8", "HOOKSPAN_LOG_LEVEL=warn",
	}
	if s.Bus != "" {
		env = append(env, "HOOKSPAN_EMBEDDED_LISTEN="+s.Bus)
	}
	return slices.Concat(env, s.Environ)
}

// Ready waits until /readyz answers that or not.
func (c *Child) Ready(ctx context.Context, want bool) error {
	var last error
	err := Await(ctx, 20*time.Millisecond, func() bool {
		ready, text, err := c.Site.Readiness(ctx)
		if err == nil || ctx.Err() == nil { // what was asked when the time was over says nothing
			last = fmt.Errorf("/readyz: ready %t: %.200s (%v)", ready, text, err)
		}
		return !c.Alive() || err == nil && ready == want
	})
	switch {
	case !c.Alive():
		return fmt.Errorf("the process has ended with exit code %d", c.ExitCode())
	case err != nil:
		return errors.Join(err, last)
	}
	return nil
}

// Readiness is what /readyz answers.
func (s *Site) Readiness(ctx context.Context) (ready bool, text string, err error) {
	status, answer, err := s.call(ctx, http.MethodGet, "/readyz", nil)
	if err == nil && status != http.StatusOK && status != http.StatusServiceUnavailable {
		err = fmt.Errorf("/readyz answered %d", status)
	}
	return status == http.StatusOK, string(answer), err
}

// call asks the admin listener.
func (s *Site) call(ctx context.Context, method, path string, body any) (status int, answer []byte, err error) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, fmt.Errorf("encode the request: %w", err)
		}
		in = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.Admin+path, in)
	if err != nil {
		return 0, nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+Token)
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }() // only read
	if answer, err = io.ReadAll(res.Body); err == nil && s.Answered != nil {
		s.Answered(method, path, res.StatusCode, answer)
	}
	return res.StatusCode, answer, err
}
