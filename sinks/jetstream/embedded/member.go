package embedded

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// memberFile says in a data folder that a server of a cluster has it.
const memberFile = "member.json"

// A member is a server of a cluster. The others know it by its name, also what of their
// streams it keeps, so it goes by that name as long as it has its folder.
type member struct {
	Cluster string `json:"cluster"`
	Server  string `json:"server"`
}

// ErrOtherMode: the data folder was written by a server of another cluster, or by one alone.
// What the one keeps the other would not find, or would even delete.
var ErrOtherMode = errors.New("the data folder belongs to another kind of server")

// adopt holds the options against what the data folder is, notes in a new one what it is from
// now on, and takes the server's name from there unless it was given.
func (o *Options) adopt() error {
	path := filepath.Join(o.Dir, memberFile)
	was, err := readMember(path)
	switch {
	case err != nil:
		return err
	case was == nil && !o.clustered():
		return nil
	case was != nil && !o.clustered():
		return fmt.Errorf("%w: %s is that of %s in the cluster %s; run it in that cluster again, or name an empty folder", ErrOtherMode, o.Dir, was.Server, was.Cluster)
	case was != nil && was.Cluster != o.Cluster:
		return fmt.Errorf("%w: %s is that of %s in the cluster %s, not %s; use that name again, or name an empty folder", ErrOtherMode, o.Dir, was.Server, was.Cluster, o.Cluster)
	case was != nil && o.ServerName != "" && was.Server != o.ServerName:
		return fmt.Errorf("%w: the cluster knows %s as that of %s, not %s; use that name again, or name an empty folder", ErrOtherMode, o.Dir, was.Server, o.ServerName)
	case was != nil:
		o.ServerName = was.Server
		return nil
	}
	if alone, err := filepath.Glob(filepath.Join(o.Dir, "jetstream", "*", "streams", "*")); err != nil || len(alone) > 0 {
		return errors.Join(err, fmt.Errorf("%w: %s holds the events of a server that ran alone, which a cluster would delete; name an empty folder, and keep this one until its events are delivered", ErrOtherMode, o.Dir))
	}
	if o.ServerName == "" {
		if o.ServerName, err = o.localName(); err != nil {
			return err
		}
	}
	return writeMember(path, member{Cluster: o.Cluster, Server: o.ServerName})
}

// readMember returns nil where there is no such file.
func readMember(path string) (*member, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what the data folder is: %w", err)
	}
	var m member
	if err := json.Unmarshal(text, &m); err != nil || m.Cluster == "" || m.Server == "" {
		return nil, fmt.Errorf("%s does not say which server the folder belongs to: restore it as {\"cluster\": …, \"server\": …}", path)
	}
	return &m, nil
}

// writeMember leaves the whole file or none.
func writeMember(path string, m member) error {
	text, err := json.Marshal(m)
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
	if err := errors.Join(syncFile(draft), os.Rename(draft, path), syncFile(filepath.Dir(path))); err != nil {
		return fmt.Errorf("note what the data folder is: %w", err)
	}
	return nil
}
