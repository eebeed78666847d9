package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

// described are the files that describe streams, as of the last look. One goroutine uses them.
type described struct {
	dir   string // the data folder
	files map[string]bool
}

// removed says which streams of the running server have lost their files, because somebody
// removed them. The server would go on, into files that have no name any more, and what it
// acknowledges would be gone with it.
func (d *described) removed(inner *server.Server) (faults []string) {
	found, err := filepath.Glob(d.path("*", "*", metaFile))
	if err != nil {
		return nil
	}
	now := map[string]bool{}
	for _, path := range found {
		now[path] = true
	}
	var has map[string]string // asked for once something is missing
	for path := range d.files {
		// What could not be read just now is not found either.
		if _, err := os.Stat(path); now[path] || err != nil && !errors.Is(err, fs.ErrNotExist) {
			now[path] = true
			continue
		}
		if has == nil {
			has = d.streams(inner)
		}
		if stream, ok := has[path]; ok { // else it was deleted
			now[path] = true // so that the next look says it again
			faults = append(faults, fmt.Sprintf("the files of stream %s were removed", stream))
		}
	}
	d.files = now
	return faults
}

func (d *described) path(account, stream, file string) string {
	return filepath.Join(d.dir, "jetstream", account, "streams", stream, file)
}

// streams are the streams of the server, by the file that describes each.
func (d *described) streams(inner *server.Server) map[string]string {
	has := map[string]string{}
	info, err := inner.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return has
	}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			has[d.path(account.Name, stream.Name, metaFile)] = stream.Name
		}
	}
	return has
}
