package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/hookspan/hookspan/bridge/bus"
)

var (
	// ErrNoBackup: the file is something else.
	ErrNoBackup = errors.New("this is no backup of Hookspan")
	// ErrCutOff: the file has no end.
	ErrCutOff = errors.New("the backup is cut off: it was not written or copied to its end; use another copy")
	// ErrDamaged: its checksum is wrong, or it cannot be read.
	ErrDamaged = errors.New("the backup is damaged: it is not what was written; use another copy")
)

// magic begins what gzip has written.
var magic = []byte{0x1f, 0x8b}

// A writer writes the lines of a backup.
type writer struct {
	zip  *gzip.Writer
	sum  hash.Hash
	held Summary
}

func newWriter(w io.Writer) *writer {
	zip, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // the level exists
	return &writer{zip: zip, sum: sha256.New()}
}

func (w *writer) line(l *line) error {
	w.held.count(l)
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode a line of the backup: %w", err)
	}
	text = append(text, '\n')
	w.sum.Write(text)
	if _, err := w.zip.Write(text); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	return nil
}

// end completes the backup.
func (w *writer) end() error {
	last := &line{End: &end{Summary: w.held, SHA256: hex.EncodeToString(w.sum.Sum(nil))}}
	if err := w.line(last); err != nil {
		return err
	}
	if err := w.zip.Close(); err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	return nil
}

// Check reads a backup to its end and says what it holds. Errors: ErrNoBackup, ErrCutOff,
// ErrDamaged, bus.ErrNewerFormat.
func Check(r io.Reader) (Head, Summary, error) {
	return read(r, func(*line) error { return nil })
}

// read hands over the lines between head and end. What each returns as an error ends it.
func read(r io.Reader, each func(*line) error) (Head, Summary, error) {
	in := bufio.NewReader(origin{r})
	if begin, _ := in.Peek(len(magic)); !bytes.HasPrefix(magic, begin) {
		return Head{}, Summary{}, ErrNoBackup
	}
	zip, err := gzip.NewReader(in)
	if err != nil {
		return Head{}, Summary{}, unreadable(err, ErrNoBackup)
	}
	zip.Multistream(false)
	text, sum := bufio.NewReaderSize(zip, 256<<10), sha256.New()
	var head Head
	for n := 0; ; n++ {
		raw, err := text.ReadBytes('\n')
		if err != nil {
			return head, Summary{}, unreadable(err, ErrDamaged)
		}
		var l line
		bad := json.Unmarshal(raw, &l)
		switch {
		case n == 0 && (bad != nil || l.Head == nil):
			return head, Summary{}, ErrNoBackup
		case n == 0:
			if head = *l.Head; head.Version > Version {
				return head, Summary{}, fmt.Errorf("the backup has format %d, this version reads %d: %w; restore it with the version that wrote it (%s) or a later one", head.Version, Version, bus.ErrNewerFormat, head.By)
			}
		case bad != nil:
			return head, Summary{}, fmt.Errorf("line %d: %w", n+1, ErrDamaged)
		case l.End != nil:
			return head, l.End.Summary, whole(l.End, sum, text, in)
		case l.Endpoint == nil && l.Event == nil:
			return head, Summary{}, fmt.Errorf("line %d: %w", n+1, ErrDamaged)
		default:
			if err := each(&l); err != nil {
				return head, Summary{}, err
			}
		}
		sum.Write(raw)
	}
}

// whole holds what was read against the end, behind which there is nothing, in the text or after it.
func whole(e *end, sum hash.Hash, rest ...io.Reader) error {
	if hex.EncodeToString(sum.Sum(nil)) != e.SHA256 {
		return fmt.Errorf("its checksum is wrong: %w", ErrDamaged)
	}
	for _, r := range rest {
		switch n, err := io.Copy(io.Discard, r); {
		case err != nil:
			return unreadable(err, ErrDamaged)
		case n > 0:
			return fmt.Errorf("something stands behind its end: %w", ErrDamaged)
		}
	}
	return nil
}

// unreadable tells a file that ends too early from one that is not what it was.
func unreadable(err, otherwise error) error {
	var gone *readError
	switch {
	case errors.As(err, &gone):
		return fmt.Errorf("read the backup: %w", gone.error)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ErrCutOff
	}
	return otherwise
}

// An origin is where a backup comes from. Its own errors say nothing of the backup.
type origin struct{ io.Reader }

type readError struct{ error }

func (o origin) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &readError{err}
	}
	return n, err
}
