package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded/disk"
)

// spools are folders of backups that came from standard input.
const spools = "hookspan-restore-*"

// A backupFile is read more than once, and perhaps by another process. So what came from standard
// input lies in a folder of its own until it is closed. The folder is locked meanwhile: what a
// process that was killed has left can be told from what one still needs.
type backupFile struct {
	*os.File
	lock io.Closer // nil for a file that was named
}

func (d *doctor) openBackup(ctx context.Context, path string) (*backupFile, error) {
	if path == "-" {
		d.sweep()
		return d.spool(ctx)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, cli.Usage("%w", err)
	}
	return &backupFile{File: file}, nil
}

// spool takes in the standard input.
func (d *doctor) spool(ctx context.Context) (*backupFile, error) {
	b, err := d.emptySpool()
	if err != nil {
		return nil, fmt.Errorf("make a file for the backup: %w (TMPDIR names another folder)", err)
	}
	copied := make(chan error, 1) // the goroutine sends, once
	go func() { _, err := io.Copy(b.File, d.In); copied <- err }()
	select {
	case err = <-copied:
	case <-ctx.Done(): // the goroutine ends with what it writes next, or with the process
		err = context.Cause(ctx)
	}
	if err == nil {
		_, err = b.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("take in the backup: %w", err), b.Close())
	}
	return b, nil
}

func (d *doctor) emptySpool() (*backupFile, error) {
	for {
		dir, err := os.MkdirTemp(d.temporary(), spools)
		if err != nil {
			return nil, err
		}
		lock, err := disk.Lock(dir)
		if errors.Is(err, disk.ErrInUse) || errors.Is(err, fs.ErrNotExist) {
			continue // somebody swept it before it was locked
		}
		if err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
		b := &backupFile{lock: lock}
		if b.File, err = os.OpenFile(filepath.Join(dir, "backup"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir), lock.Close())
		}
		return b, nil
	}
}

// Close closes the file; one that was spooled is gone.
func (b *backupFile) Close() error {
	err := b.File.Close()
	if b.lock != nil {
		err = errors.Join(err, discard(filepath.Dir(b.Name()), b.lock))
	}
	return err
}

// sweep removes what processes that were killed have left.
func (d *doctor) sweep() {
	left, _ := filepath.Glob(filepath.Join(d.temporary(), spools)) // the pattern is right
	for _, dir := range left {
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
			continue
		}
		if lock, err := disk.Lock(dir); err == nil {
			_ = discard(dir, lock) // what stays is swept the next time
		}
	}
}

// discard removes a folder that is locked. Some systems remove no file that is open, so it is asked
// for once more.
func discard(dir string, lock io.Closer) error {
	_ = os.RemoveAll(dir)
	return errors.Join(lock.Close(), os.RemoveAll(dir))
}

func (d *doctor) temporary() string { return cmp.Or(d.Variable("TMPDIR"), os.TempDir()) }
