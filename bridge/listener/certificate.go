package listener

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// A certificate is read again when one of its files has changed. One that cannot be used is
// reported once, and the former stays.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	stamp   [2]fileStamp // of the files when they were last tried
	checked time.Time
}

// TLS is that of a listener whose certificate is read again when one of its files has
// changed. The error says which file cannot be used.
func TLS(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

// A fileStamp changes with a file. Kubernetes swaps a link, which changes all of it.
type fileStamp struct {
	modified time.Time
	size     int64
}

// checkEvery is how often a handshake looks at the files.
const checkEvery = time.Second

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.due(time.Now()) {
		if err := c.load(); err != nil {
			c.log.Error("certificate not taken; the former one stays", slog.Any("error", err))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loaded, nil
}

// due reports whether the files are others than those last tried.
func (c *certificate) due(now time.Time) bool {
	c.mu.Lock()
	if now.Sub(c.checked) < checkEvery {
		c.mu.Unlock()
		return false
	}
	c.checked = now
	tried := c.stamp
	c.mu.Unlock()
	stamp, err := c.stamps()
	return err == nil && stamp != tried
}

func (c *certificate) stamps() (stamp [2]fileStamp, err error) {
	for i, name := range [...]string{c.certFile, c.keyFile} {
		info, statErr := os.Stat(name)
		if statErr != nil {
			err = errors.Join(err, statErr)
			continue
		}
		stamp[i] = fileStamp{modified: info.ModTime(), size: info.Size()}
	}
	return stamp, err
}

func (c *certificate) load() error {
	// The stamp is taken first: a change while the files are read is seen the next time.
	stamp, err := c.stamps()
	if err != nil {
		return fmt.Errorf("looking at the certificate's files: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stamp = stamp
	if err != nil {
		return fmt.Errorf("reading certificate %s with key %s: %w", c.certFile, c.keyFile, err)
	}
	c.loaded = &pair
	return nil
}
