package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A child is a whole Hookspan in a process of its own, so that nobody else's memory counts.
type child struct {
	benchServer
	api   *benchAPI
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended
	ready time.Duration // from its start on
}

// startChild starts a server at home and returns once it is ready.
func startChild(ctx context.Context, t *cli.Terminal, home *benchHome) (*child, error) {
	return launch{}.start(ctx, t, home)
}

// A launch is how a child is started otherwise than this program would be.
type launch struct {
	program string // another version's; "": this one
	files   int    // that it may open; 0: as many as this one
}

func (l launch) start(ctx context.Context, t *cli.Terminal, home *benchHome) (*child, error) {
	listeners, err := unused(2)
	if err != nil {
		return nil, err
	}
	cmd, err := self(ctx, t, "serve")
	if err != nil {
		return nil, err
	}
	if l.program != "" {
		cmd.Path, cmd.Args[0] = l.program, l.program
	}
	if l.files > 0 { // a shell is the one way to lower the limit of a child alone
		limited := exec.CommandContext(ctx, "/bin/sh", append([]string{"-c", `ulimit -n "$0" && exec "$@"`, strconv.Itoa(l.files)}, cmd.Args...)...)
		limited.Env, limited.Args[4] = cmd.Env, cmd.Path
		cmd = limited
	}
	cmd.Env = slices.Concat(cmd.Env, home.environ, []string{"HOOKSPAN_LISTEN=" + listeners[0], "HOOKSPAN_ADMIN_LISTEN=" + listeners[1]})
	cmd.Stderr = t.Err
	c := &child{cmd: cmd, ended: make(chan struct{})}
	c.intake, c.admin, c.token = "http://"+listeners[0], "http://"+listeners[1], benchToken
	if c.api, err = newBenchAPI(&c.benchServer); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	go func() {
		_ = cmd.Wait() // it is killed
		close(c.ended)
	}()
	if err := c.awaitReady(ctx); err != nil {
		c.end()
		return nil, err
	}
	c.ready = time.Since(began)
	return c, nil
}

// self is this program as a child, with what its environment says to the Go runtime and others
// but no setting of Hookspan's.
func self(ctx context.Context, t *cli.Terminal, args ...string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = slices.DeleteFunc(slices.Clone(t.Environ), func(v string) bool { return strings.HasPrefix(v, "HOOKSPAN_") })
	return cmd, nil
}

func (c *child) awaitReady(ctx context.Context) error {
	const patience, pause = 5 * time.Minute, 10 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := c.api.Call(ctx, http.MethodGet, "/readyz", nil, nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-c.ended:
			return errors.New("the server has ended before it was ready")
		case <-ctx.Done():
			return fmt.Errorf("wait for the server: %w", err)
		case <-time.After(pause):
		}
	}
}

// end kills the server and returns the most memory that it had, in MB. It may be called twice.
func (c *child) end() float64 {
	peak, known := peakMB(c.cmd.Process.Pid)
	_ = c.cmd.Process.Kill() // unless it has ended
	<-c.ended
	if known {
		return peak
	}
	return endedMB(c.cmd.ProcessState)
}

// peakMB is the most memory that a process has had, where /proc tells.
func peakMB(pid int) (mb float64, known bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			kB, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kB * 1024 / 1e6, err == nil
		}
	}
	return 0, false
}

// unused are addresses that nobody listens on. Whoever asks for any port is given one above those.
func unused(n int) ([]string, error) {
	var all []string
	for tries := 0; len(all) < n; tries++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(10000))))
		if err != nil && tries < 100 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find an unused port: %w", err)
		}
		defer l.Close() // nothing was written
		all = append(all, l.Addr().String())
	}
	return all, nil
}
