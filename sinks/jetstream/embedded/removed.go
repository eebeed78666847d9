package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Folders of a stream with its messages, in blocks that are numbered. A purge puts a new folder
// in the place of the old one.
const (
	messages    = "msgs"
	newMessages = "__new_msgs__"
	blockEnd    = ".blk"
)

// Looks of intact, and the time between them: a purge has no folder for a moment.
const (
	surelyLooks = 5
	surelyPause = 20 * time.Millisecond
)

// kept are the files of streams, as of the last look.
type kept struct {
	dir       string // the data folder
	clustered bool
	last      atomic.Pointer[map[string]block] // by the stream's folder
}

// A block is the newest one of a stream, the one that is written to.
type block struct {
	ours   bool // the stream is
	number int
}

// removed says which streams of the running server have lost their files, because somebody
// removed them: what describes the stream, or the block that is written to. The server would go
// on, into files that have no name any more, and what it acknowledges would be gone with it.
func (k *kept) removed(inner *server.Server) (faults []string) {
	found, err := filepath.Glob(k.path("*", "*", metaFile))
	if err != nil {
		return nil
	}
	now, before := map[string]block{}, k.streams()
	for _, path := range found {
		folder := filepath.Dir(path)
		if b, there := k.newest(folder, before[folder]); there {
			now[folder] = b
		} else if _, known := before[folder]; !known {
			now[folder] = block{ours: ours(folder)}
		}
	}
	if !k.clustered && serving(inner) > owned(now) { // some were made since, and may have lost their files as soon
		for account, streams := range k.running(inner) {
			for _, stream := range streams {
				folder := filepath.Join(account, stream)
				if _, found := now[folder]; !found && before[folder] == (block{}) && ours(folder) {
					now[folder] = block{ours: true} // the next look says whether they are there by now
				}
			}
		}
	}
	var has map[string][]string // asked for once something is missing
	for folder, b := range before {
		if _, there := now[folder]; there {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, metaFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			now[folder] = b // it could not be read just now
			continue
		}
		if has == nil {
			has = k.running(inner)
		}
		stream := filepath.Base(folder)
		streams, known := has[filepath.Dir(folder)]
		runs := slices.Contains(streams, stream)
		if runs || !known { // else it was deleted
			now[folder] = b // so that the next look says it again
		}
		if runs {
			faults = append(faults, fmt.Sprintf("the files of stream %s were removed", stream))
		}
	}
	k.last.Store(&now)
	return faults
}

// intact is nil while the streams of ours have the blocks that are written to, those too that were
// made a moment ago. It costs a look at each, so it may be asked beside every sync.
func (k *kept) intact(running func() *server.Server) error {
	for n := 0; !k.whole(running()); n++ {
		inner := running()
		if inner == nil {
			return ErrClosed
		}
		faults := k.removed(inner) // but for an older block, which may go
		switch {
		case running() != inner:
			return ErrClosed // one that is ending says anything
		case n < surelyLooks:
			<-time.After(surelyPause)
		case len(faults) > 0:
			return errors.New(faults[0])
		default:
			return errors.New("the files of a stream are not found")
		}
	}
	return nil
}

// whole reports whether all streams that the server has are known, and have what is written to.
func (k *kept) whole(inner *server.Server) bool {
	known := k.streams()
	for folder, b := range known {
		if b.ours && !k.written(folder, b) {
			return false
		}
	}
	return k.clustered || inner == nil || serving(inner) <= owned(known)
}

// written reports whether a stream has its newest block; one that is new, the folder of blocks.
func (k *kept) written(folder string, b block) bool {
	if b.number > 0 || k.clustered {
		return b.number == 0 || b.there(folder)
	}
	_, err := os.Stat(filepath.Join(folder, messages))
	return err == nil
}

// owned counts the streams of ours among those that are known, and serving those of the server: it
// has no answer while it ends.
func owned(known map[string]block) (n int) {
	for _, b := range known {
		if b.ours {
			n++
		}
	}
	return n
}

func serving(inner *server.Server) (n int) {
	for _, name := range []string{eventsAccount, privateAccount} {
		if account, err := inner.LookupAccount(name); err == nil {
			n += account.JetStreamUsage().Streams
		}
	}
	return n
}

func (k *kept) streams() map[string]block {
	if last := k.last.Load(); last != nil {
		return *last
	}
	return nil
}

// newest is the newest block of the stream in a folder where it was another one before, false when
// it has none: a server that is alone makes one before it removes the last. In a cluster it may
// begin again from what the others have, so there it is the folder alone that has to be there.
func (k *kept) newest(folder string, was block) (_ block, there bool) {
	was.ours = ours(folder)
	if k.clustered {
		_, err := os.Stat(filepath.Join(folder, messages))
		return was, !errors.Is(err, fs.ErrNotExist)
	}
	if !was.there(folder) {
		number, err := newestBlock(folder)
		if err != nil || number == 0 {
			return was, err != nil // what could not be read just now is not gone
		}
		was.number = number
	}
	for next := was; next.there(folder); next.number++ {
		was = next
	}
	return was, true
}

// there reports whether the block has its file.
func (b block) there(folder string) bool {
	if b.number == 0 {
		return false
	}
	_, err := os.Stat(blockFile(folder, b.number))
	return err == nil
}

func blockFile(folder string, number int) string {
	return filepath.Join(folder, messages, strconv.Itoa(number)+blockEnd)
}

// newestBlock is the number of the newest block in the folder of a stream, 0 when it has none.
func newestBlock(folder string) (newest int, err error) {
	files, err := os.ReadDir(filepath.Join(folder, messages))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	for _, file := range files {
		if name, ok := strings.CutSuffix(file.Name(), blockEnd); ok {
			if number, err := strconv.Atoi(name); err == nil {
				newest = max(newest, number)
			}
		}
	}
	return newest, nil
}

func (k *kept) path(account, stream, file string) string {
	return filepath.Join(k.dir, "jetstream", account, "streams", stream, file)
}

// ours reports whether the folder is that of a stream in an account of ours.
func ours(folder string) bool {
	account := filepath.Base(filepath.Dir(filepath.Dir(folder)))
	return account == eventsAccount || account == privateAccount
}

// running are the streams of the server by the folder of their account, as far as it says.
func (k *kept) running(inner *server.Server) map[string][]string {
	has := map[string][]string{}
	info, err := inner.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return has
	}
	for _, account := range info.AccountDetails {
		folder := k.path(account.Name, "", "")
		has[folder] = []string{}
		for _, stream := range account.Streams {
			has[folder] = append(has[folder], stream.Name)
		}
	}
	return has
}
