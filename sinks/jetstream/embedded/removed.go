package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

// removed says which streams of the running server have lost their files, because somebody
// removed them. The server would go on, into files that have no name any more, and what it
// acknowledges would be gone with it.
func (s *Server) removed(inner *server.Server) (faults []string) {
	found, err := filepath.Glob(s.streamFolder("*", "*", metaFile))
	if err != nil {
		return nil
	}
	now := map[string]bool{}
	for _, path := range found {
		now[path] = true
	}
	var has map[string]string // asked for once something is missing
	for path := range s.described {
		// What could not be read just now is not found either.
		if _, err := os.Stat(path); now[path] || err != nil && !errors.Is(err, fs.ErrNotExist) {
			now[path] = true
			continue
		}
		if has == nil {
			has = s.streamsByDescription(inner)
		}
		if stream, ok := has[path]; ok { // else it was deleted
			now[path] = true // so that the next look says it again
			faults = append(faults, fmt.Sprintf("the files of stream %s were removed", stream))
		}
	}
	s.described = now
	return faults
}

func (s *Server) streamFolder(account, stream, file string) string {
	return filepath.Join(s.o.Dir, "jetstream", account, "streams", stream, file)
}

// streamsByDescription are the streams of the server, by the file that describes each.
func (s *Server) streamsByDescription(inner *server.Server) map[string]string {
	has := map[string]string{}
	info, err := inner.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return has
	}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			has[s.streamFolder(account.Name, stream.Name, metaFile)] = stream.Name
		}
	}
	return has
}
