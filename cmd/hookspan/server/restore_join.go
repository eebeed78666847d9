package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/backup"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// longestSocket is how long the path of a socket may be on every system that we are built for.
const longestSocket = 103

// restoreSocket is where a process that has the data folder for a restore is told of a file, by
// another one on the same machine: one process at a time can open the bus.
func restoreSocket(folder string) (string, error) {
	path := filepath.Join(folder, "restore.sock")
	if len(path) > longestSocket {
		return "", fmt.Errorf("the socket for a restore, %s, has a path of %d bytes, at most %d can be had: "+
			"name the data folder by a shorter or a relative path (HOOKSPAN_DATA_DIR)", path, len(path), longestSocket)
	}
	return path, nil
}

// A restored is the answer.
type restored struct {
	Report report `json:"report"`
	Error  string `json:"error,omitempty"`
}

// join opens the embedded bus, as a member of its cluster where there is one, and restores what it
// is told of, until ctx ends.
func (d *doctor) join(ctx context.Context) (err error) {
	c, b, err := d.bus(ctx)
	if err != nil {
		return err
	}
	if c.Bus.Kind != config.BusEmbedded {
		return cli.Usage("--join is for an embedded bus; a restore onto %s needs nobody else", c.Bus.Kind)
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	socket, err := restoreSocket(c.DataDir)
	if err != nil {
		return err
	}
	d.sweep()
	defer d.sweep()
	if c.Embedded.Cluster != "" {
		d.Progress("Waiting for the other members of %s.", c.Embedded.Cluster)
	}
	o, err := d.openUntil(ctx, b)
	if errors.Is(err, embedded.ErrInUse) {
		d.Progress("Waiting for the process that has the data folder %s.", c.DataDir)
	}
	for errors.Is(err, embedded.ErrInUse) && ctx.Err() == nil { // of a restore that was faster
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
			o, err = d.openUntil(ctx, b)
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		f := unopened(err)
		return fmt.Errorf("open the bus: %s: %s", f.Detail, f.Remedy)
	}
	return d.takeRestores(ctx, socket, target{c, b, o.Bus})
}

func (d *doctor) takeRestores(ctx context.Context, path string, onto target) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was killed: the folder is locked
		return fmt.Errorf("make the socket for a restore: %w", err)
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("make the socket for a restore: %w", err)
	}
	defer func() { _ = l.Close() }() // removes the socket
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	if err := os.Chmod(path, 0o600); err != nil {
		return fmt.Errorf("make the socket for a restore: %w", err)
	}
	d.Progress("The bus is open. Interrupt this once a restore beside it, or at another member of its cluster, is done.")
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("wait for a restore: %w", err)
		}
		if err := d.takeRestore(ctx, onto, conn); err != nil && ctx.Err() != nil {
			return err
		}
	}
}

// takeRestore reads the name of a file from a connection and answers what came of it; whoever asked
// may have gone, so the log has it too. The error is of a bus that now holds a part of a backup.
func (d *doctor) takeRestore(ctx context.Context, onto target, conn net.Conn) error {
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })() // an answer still goes out
	path, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return nil // it went away
	}
	path = strings.TrimSuffix(path, "\n")
	var answer restored
	if answer.Report, err = restoreFrom(ctx, onto, path); err != nil {
		answer.Error = err.Error()
		d.Progress("%s was not restored: %v", path, err)
	} else {
		d.Progress("%s was restored.", path)
	}
	_ = json.NewEncoder(conn).Encode(answer)
	if errors.Is(err, backup.ErrUnfinished) {
		return err
	}
	return nil
}

func restoreFrom(ctx context.Context, onto target, path string) (done report, err error) {
	file, err := os.Open(path)
	if err != nil {
		return report{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	x, err := examined(onto.conf, file)
	if err != nil {
		return report{}, err
	}
	return onto.take(ctx, x)
}

// handOver has the process that has the data folder restore a file.
func (d *doctor) handOver(ctx context.Context, folder, path string) (report, error) {
	socket, err := restoreSocket(folder)
	if err != nil {
		return report{}, err
	}
	conn, err := d.reach(ctx, socket)
	if err != nil {
		return report{}, fmt.Errorf("a server has the data folder %s: stop it, and give the restore a folder without events; "+
			"a restore --join that has it does not have its bus open yet: see that all members are there (%w)", folder, err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if path, err = filepath.Abs(path); err == nil {
		_, err = fmt.Fprintln(conn, path)
	}
	var answer restored
	if err == nil {
		err = json.NewDecoder(conn).Decode(&answer)
	}
	switch {
	case ctx.Err() != nil:
		return report{}, fmt.Errorf("the process that has the data folder %s goes on, and tells its log what comes of it: %w", folder, context.Cause(ctx))
	case err != nil:
		return report{}, fmt.Errorf("the process that has the data folder %s ended before it answered: once it is back restore again, which says whether something has to go before that (%w)", folder, err)
	case answer.Error != "":
		return report{}, errors.New(answer.Error)
	}
	return answer.Report, nil
}

// reach connects to a socket, which may be yet to come.
func (d *doctor) reach(ctx context.Context, path string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	for {
		var dial net.Dialer
		conn, err := dial.DialContext(ctx, "unix", path)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(200 * time.Millisecond):
		}
	}
}
