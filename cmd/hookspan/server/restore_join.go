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

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// restoreSocket is where a process that has the data folder for a restore is told of a file, by
// another one on the same machine: one process at a time can open the bus.
const restoreSocket = "restore.sock"

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
	if c.Embedded.Cluster != "" {
		d.Progress("Waiting for the other members of %s.", c.Embedded.Cluster)
	}
	o, err := d.openUntil(ctx, b)
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		f := unopened(err)
		return fmt.Errorf("open the bus: %s: %s", f.Detail, f.Remedy)
	}
	return d.takeRestores(ctx, target{c, b, o.Bus})
}

func (d *doctor) takeRestores(ctx context.Context, onto target) error {
	path := filepath.Join(onto.conf.DataDir, restoreSocket)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was killed: the folder is locked
		return fmt.Errorf("make the socket for a restore: %w", err)
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("make the socket for a restore: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() }) // removes the socket
	defer stop()
	d.Progress("The bus is open. Interrupt this once a restore beside it, or at another member of its cluster, is done.")
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("wait for a restore: %w", err)
		}
		takeRestore(ctx, onto, conn)
	}
}

// takeRestore reads the name of a file from a connection and answers what came of it.
func takeRestore(ctx context.Context, onto target, conn net.Conn) {
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	path, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return // it went away
	}
	var answer restored
	answer.Report, err = restoreFrom(ctx, onto, strings.TrimSuffix(path, "\n"))
	if err != nil {
		answer.Error = err.Error()
	}
	_ = json.NewEncoder(conn).Encode(answer) // whoever asked may have gone
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
	conn, err := d.reach(ctx, filepath.Join(folder, restoreSocket))
	if err != nil {
		return report{}, fmt.Errorf("a server has the data folder %s: stop it, and give the restore a folder without events; "+
			"a restore --join that has it does not have its bus open yet: see that all members are there", folder)
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
	case err != nil:
		return report{}, fmt.Errorf("ask the process that has the data folder %s: %w", folder, err)
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
