package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/minio/highwayhash"
)

// Files of a stream that the server writes one after the other, each whole or not at all.
const (
	metaFile    = "meta.inf" // the stream's configuration and creation time
	metaSumFile = "meta.sum" // its checksum
)

// mend writes the checksums that do not fit. A process that is killed between the two files
// leaves the checksum of the file before; the server would then leave the stream out, it
// would be made anew over the same messages, and as another stream: positions in it were void,
// all of it was delivered again, and consumers of clients were gone.
func (o *Options) mend() error {
	folders, err := filepath.Glob(filepath.Join(o.Dir, "jetstream", "*", "streams", "*"))
	if err != nil {
		return fmt.Errorf("look for streams: %w", err)
	}
	for _, folder := range folders {
		dropped, err := o.dropBereft(folder)
		if err != nil {
			return fmt.Errorf("remove what is left of stream %s: %w", filepath.Base(folder), err)
		}
		if dropped {
			o.Log.Error("the messages of a stream were removed: what it held is lost", "stream", filepath.Base(folder))
			continue
		}
		mended, err := mendStream(folder)
		if err != nil {
			return fmt.Errorf("mend the description of stream %s: %w", filepath.Base(folder), err)
		}
		if mended {
			o.Log.Warn("a stream's description was cut off from its checksum, mended", "stream", filepath.Base(folder))
		}
	}
	return nil
}

// dropBereft removes what is left of a stream of ours whose messages somebody has removed: one that
// is missing is told of, and one that is empty is not. In a cluster the others have them.
func (o *Options) dropBereft(folder string) (bool, error) {
	if _, err := os.Stat(filepath.Join(folder, metaFile)); err != nil || o.Clustered() || !ours(folder) {
		return false, nil
	}
	if _, err := os.Lstat(filepath.Join(folder, newMessages)); !errors.Is(err, fs.ErrNotExist) {
		return false, nil // a purge was cut off
	}
	if newest, err := newestBlock(folder); err != nil || newest > 0 {
		return false, err
	}
	return true, os.RemoveAll(folder)
}

func mendStream(folder string) (bool, error) {
	meta, err := os.ReadFile(filepath.Join(folder, metaFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	name := filepath.Base(folder)
	if !describes(meta, name) {
		return false, nil // damaged in some other way: not ours to bless
	}
	want, err := metaSum(name, meta)
	if err != nil {
		return false, err
	}
	path := filepath.Join(folder, metaSumFile)
	have, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if string(have) == want {
		return false, nil
	}
	return true, os.WriteFile(path, []byte(want), 0o600)
}

// describes reports whether it is the whole description of that stream.
func describes(meta []byte, stream string) bool {
	var d struct {
		Name    string    `json:"name"`
		Created time.Time `json:"created"`
	}
	return json.Unmarshal(meta, &d) == nil && d.Name == stream && !d.Created.IsZero()
}

// metaSum is the checksum as the server makes it.
func metaSum(stream string, meta []byte) (string, error) {
	key := sha256.Sum256([]byte(stream))
	h, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return "", err
	}
	_, _ = h.Write(meta) // a hash takes everything
	return hex.EncodeToString(h.Sum(nil)), nil
}
