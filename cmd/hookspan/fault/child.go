package fault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// A Site is where one Hookspan lives: the same folder, addresses and settings at every start.
type Site struct {
	Binary  string
	Folder  string   // data
	Environ []string // beside what follows from the rest
	Log     string   // file that all its processes write to

	Intake, Admin, Bus string // host:port
}

// Token is the API's, in all tests.
const Token = "a-token-for-tests"

// NewSite takes three free ports. They are outside of the range from which the system gives
// ports to outgoing connections, so that nobody has them between a kill and the next start.
func NewSite(binary, folder, log string, environ ...string) (*Site, error) {
	s := &Site{Binary: binary, Folder: folder, Log: log, Environ: environ}
	for _, address := range []*string{&s.Intake, &s.Admin, &s.Bus} {
		for *address == "" {
			candidate := net.JoinHostPort("127.0.0.1", strconv.Itoa(12_000+rand.IntN(18_000)))
			l, err := net.Listen("tcp", candidate)
			if errors.Is(err, syscall.EADDRINUSE) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("look for a free port: %w", err)
			}
			_ = l.Close()
			*address = candidate
		}
	}
	return s, nil
}

// IntakeURL is where webhooks go.
func (s *Site) IntakeURL() string { return "http://" + s.Intake }

// A Child is one process of a site. It dies with the process that started it.
type Child struct {
	Site    *Site
	Started time.Time

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // of Wait, once done is closed
}

// Start runs the binary. It returns as soon as the process exists. More environment overrides
// the site's.
func (s *Site) Start(more ...string) (*Child, error) {
	log, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(s.Binary)
	cmd.Env = slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "HOOKSPAN_DATA_DIR=" + s.Folder, "HOOKSPAN_ADMIN_TOKEN=" + Token,
		"HOOKSPAN_LISTEN=" + s.Intake, "HOOKSPAN_ADMIN_LISTEN=" + s.Admin, "HOOKSPAN_EMBEDDED_LISTEN=" + s.Bus,
		"HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8", "HOOKSPAN_LOG_LEVEL=warn",
	}, s.Environ, more)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = dieWithParent()
	c := &Child{Site: s, Started: time.Now(), cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the system ties the child to the thread that started it; it ends with this function
		err := cmd.Start()
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Binary, err)
	}
	return c, nil
}

// Kill is kill -9. It returns when the process is gone.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill() // it has ended already
	<-c.done
}

// Signal asks the process something.
func (c *Child) Signal(s os.Signal) error { return c.cmd.Process.Signal(s) }

// Done is closed when the process has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Alive reports whether the process still runs.
func (c *Child) Alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// ExitCode is that of a process that has ended by itself, -1 of one that was killed.
func (c *Child) ExitCode() int {
	<-c.done
	return c.cmd.ProcessState.ExitCode()
}

// Ready waits until /readyz answers that or not.
func (c *Child) Ready(ctx context.Context, want bool) error {
	var last error
	err := Await(ctx, 20*time.Millisecond, func() bool {
		status, body, err := c.Site.call(ctx, http.MethodGet, "/readyz", nil)
		last = fmt.Errorf("/readyz answered %d: %.200s (%v)", status, body, err)
		return !c.Alive() || err == nil && (status == http.StatusOK) == want
	})
	switch {
	case !c.Alive():
		return fmt.Errorf("the process has ended with exit code %d", c.ExitCode())
	case err != nil:
		return errors.Join(err, last)
	}
	return nil
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
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}
