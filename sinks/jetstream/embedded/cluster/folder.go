package cluster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hookspan/hookspan/sinks/jetstream/embedded/disk"
)

// memberFile says in a data folder that a server of a cluster has it.
const memberFile = "member.json"

// An owner is the server that a folder belongs to. The others know it by its name, also what of
// their streams it keeps, so it goes by that name as long as it has its folder.
type owner struct {
	Cluster string `json:"cluster"`
	Server  string `json:"server"`
}

// ErrOtherMode: the data folder was written by a server of another cluster, or by one alone.
// What the one keeps the other would not find, or would even delete.
var ErrOtherMode = errors.New("the data folder belongs to another kind of server")

// claim holds the membership against what the data folder is, notes in a new one what it is from
// now on, and takes the server's name from there unless it was given.
func (m *Membership) claim(dir string) error {
	was, err := m.fits(dir)
	switch {
	case err != nil || !m.Clustered():
		return err
	case was != nil:
		m.ServerName = was.Server
		return nil
	}
	if m.ServerName == "" {
		if m.ServerName, err = m.localName(); err != nil {
			return err
		}
	}
	return writeOwner(filepath.Join(dir, memberFile), owner{Cluster: m.Cluster, Server: m.ServerName})
}

// Check is what Join would refuse about the data folder, which it leaves as it is.
func (m *Membership) Check(dir string) error {
	_, err := m.fits(dir)
	return err
}

// fits holds the membership against what the data folder is, and returns whose it was, nil for
// nobody's.
func (m *Membership) fits(dir string) (*owner, error) {
	was, err := readOwner(filepath.Join(dir, memberFile))
	switch {
	case err != nil:
		return nil, err
	case was == nil && !m.Clustered():
		return nil, nil
	case was != nil && !m.Clustered():
		return nil, fmt.Errorf("%w: %s is that of %s in the cluster %s; run it in that cluster again, or name an empty folder", ErrOtherMode, dir, was.Server, was.Cluster)
	case was != nil && was.Cluster != m.Cluster:
		return nil, fmt.Errorf("%w: %s is that of %s in the cluster %s, not %s; use that name again, or name an empty folder", ErrOtherMode, dir, was.Server, was.Cluster, m.Cluster)
	case was != nil && m.ServerName != "" && was.Server != m.ServerName:
		return nil, fmt.Errorf("%w: the cluster knows %s as that of %s, not %s; use that name again, or name an empty folder", ErrOtherMode, dir, was.Server, m.ServerName)
	case was != nil:
		return was, nil
	}
	if alone, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", "*")); err != nil || len(alone) > 0 {
		return nil, errors.Join(err, fmt.Errorf("%w: %s holds the events of a server that ran alone, which a cluster would delete; name an empty folder, and keep this one until its events are delivered", ErrOtherMode, dir))
	}
	return nil, nil
}

// readOwner returns nil where there is no such file.
func readOwner(path string) (*owner, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what the data folder is: %w", err)
	}
	var o owner
	if err := json.Unmarshal(text, &o); err != nil || o.Cluster == "" || o.Server == "" {
		return nil, fmt.Errorf("%s does not say which server the folder belongs to: restore it as {\"cluster\": …, \"server\": …}", path)
	}
	return &o, nil
}

// writeOwner leaves the whole file or none.
func writeOwner(path string, o owner) error {
	text, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("note what the data folder is: %w", err)
	}
	if was, err := os.ReadFile(path); err == nil && bytes.Equal(was, text) {
		return nil
	}
	draft := path + ".new"
	if err := os.WriteFile(draft, text, 0o600); err != nil {
		return fmt.Errorf("note what the data folder is: %w", err)
	}
	if err := errors.Join(disk.SyncFile(draft), os.Rename(draft, path), disk.SyncFile(filepath.Dir(path))); err != nil {
		return fmt.Errorf("note what the data folder is: %w", err)
	}
	return nil
}
