package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/signature"
)

// Names of the files that a process keeps in its data folder beside the bus.
const (
	TokenFile   = "admin-token"
	SealFile    = "seal-key"
	AddressFile = "admin-address"
)

// Keys are the secrets of the process itself.
type Keys struct {
	AdminToken string
	TokenPath  string // where a token that was made lies; "" when it was given
	SealPath   string // the same of the seal keys
	Sealer     *endpoint.Sealer
}

// Keys are those of the process; all are empty until the bus is open.
func (a *App) Keys() Keys {
	if k := a.keys.Load(); k != nil {
		return *k
	}
	return Keys{}
}

// loadKeys takes the admin token and the seal keys from the configuration. On a bus of its own
// the process makes what is not given once, and keeps it in the data folder, readable by its
// owner. On a shared bus it does without: every replica would make another one.
func (a *App) loadKeys(context.Context) error {
	c := a.Config
	k := Keys{AdminToken: c.AdminToken.Open()}
	seal := strings.Join(c.SealKey.Open(), " ")
	var err error
	if c.Alone() {
		if k.AdminToken == "" {
			k.TokenPath = filepath.Join(c.DataDir, TokenFile)
			if k.AdminToken, err = keep(k.TokenPath, func() string { return "hst_" + random(24) }); err != nil {
				return fmt.Errorf("admin token: %w", err)
			}
		}
		if seal == "" {
			k.SealPath = filepath.Join(c.DataDir, SealFile)
			if seal, err = keep(k.SealPath, freshSealKey); err != nil {
				return fmt.Errorf("seal key: %w", err)
			}
			a.reloading.watches(k.SealPath)
		}
	}
	if k.Sealer, err = readSealer(seal, k.SealPath); err != nil {
		return err
	}
	a.keys.Store(&k)
	k.tell(a.Log, a.runs(config.RoleAdmin))
	return nil
}

// Sealer has the seal keys of the configuration, and of a bus of its own those that a server has
// kept in the data folder. Where there are none it has no keys; it makes none.
func Sealer(c *config.Config) (*endpoint.Sealer, error) {
	seal, path := strings.Join(c.SealKey.Open(), " "), ""
	if seal == "" && c.Alone() {
		var err error
		path = filepath.Join(c.DataDir, SealFile)
		if seal, err = config.ReadSecret(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("seal key: %w", err)
		}
	}
	return readSealer(seal, path)
}

// readSealer reads seal keys, which a file holds unless the path is "".
func readSealer(seal, path string) (*endpoint.Sealer, error) {
	sealer, err := endpoint.ParseSealer(seal)
	switch {
	case err == nil:
		return sealer, nil
	case path != "":
		return nil, fmt.Errorf("seal key: %s: %w", path, err)
	}
	return nil, fmt.Errorf("HOOKSPAN_SEAL_KEY: %w", err)
}

// tell logs what an operator may look for later.
func (k *Keys) tell(log *slog.Logger, admin bool) {
	switch {
	case k.TokenPath != "":
		path, err := filepath.Abs(k.TokenPath)
		if err != nil {
			path = k.TokenPath
		}
		log.Info("no HOOKSPAN_ADMIN_TOKEN is set; the API's token is kept in a file", slog.String("file", path))
	case k.AdminToken == "" && admin:
		log.Warn("no HOOKSPAN_ADMIN_TOKEN is set; the API answers 503 until the process is started with one")
	}
	if k.Sealer.Newest() == "" && admin {
		log.Warn("no HOOKSPAN_SEAL_KEY is set; the API takes no endpoint with a secret")
	}
}

func freshSealKey() string {
	b := make([]byte, endpoint.KeyBytes)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// makeSecrets gives each configured endpoint without a secret one of its own, which is made
// once and kept in the data folder like the admin token.
func makeSecrets(dir string, log *slog.Logger, endpoints []*endpoint.Endpoint) error {
	for _, e := range endpoints {
		made := signature.GenerateSecret(e.Signature)
		if len(e.Secrets) > 0 || made == "" {
			continue
		}
		path := secretPath(dir, e)
		secret, err := keep(path, func() string { return made })
		if err != nil {
			return fmt.Errorf("secret of endpoint %s: %w", e.Name, err)
		}
		log.Info("endpoint has no secret in its configuration; the one that was made for it is kept in a file",
			slog.String("endpoint", e.Name), slog.String("file", path))
		e.Secrets = []string{secret}
	}
	return nil
}

// secretPath is where the secret that was made for an endpoint is kept.
func secretPath(dir string, e *endpoint.Endpoint) string {
	return filepath.Join(dir, "endpoint-"+e.Name+"-"+e.Signature)
}

// keep returns what a file holds, and makes the file when there is none.
func keep(path string, fresh func() string) (string, error) {
	kept, err := config.ReadSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return strings.TrimSpace(kept), err
	}
	value := fresh()
	return value, writeFile(path, value)
}

// writeFile writes a small file that only its owner may read, whole or not at all; after nil it
// outlives a power cut.
func writeFile(path, value string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(value + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil || runtime.GOOS == "windows" { // which syncs no folders
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
