package app

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/hookspan/hookspan/bridge/config"
)

// Bits of a mode that say too much.
const (
	notTheOwner = 0o077 // of files that the process makes: nobody else has to come near
	mounted     = 0o027 // of files that others made: a group may read, as of secrets in Kubernetes
	strangers   = 0o007 // of the folder: a volume is its group's
	writable    = 0o002 // of what is no secret: who writes it decides what is done
)

// modes warns of files with secrets, and of a data folder, that others than their owner reach, and
// of files that anybody may write.
func (k *checking) modes() {
	if runtime.GOOS == "windows" { // which has no such bits
		return
	}
	c := k.conf
	for _, path := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.SecretFiles, c.Files)))) {
		if slices.Contains(c.SecretFiles, path) {
			k.mode("secret file", path, mounted, "600")
		} else {
			k.mode("file", path, writable, "o-w")
		}
	}
	if c.Bus.Kind != config.BusEmbedded {
		return
	}
	k.mode("data folder", c.DataDir, strangers, "700")
	made, _ := filepath.Glob(filepath.Join(c.DataDir, "endpoint-*")) // its only error is a bad pattern
	for _, name := range []string{TokenFile, SealFile} {
		made = append(made, filepath.Join(c.DataDir, name))
	}
	for _, path := range made {
		k.mode("secret file", path, notTheOwner, "600")
	}
}

// mode looks at one; what is not there cannot be read by anybody.
func (k *checking) mode(what, path string, loose fs.FileMode, right string) {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&loose == 0 {
		return
	}
	who := "its group"
	if info.Mode().Perm()&0o007 != 0 {
		who = "everybody on this machine"
	}
	k.warn(what, fmt.Sprintf("%s is open to %s (mode %04o): chmod %s %s", path, who, info.Mode().Perm(), right, path))
}
