package app

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
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
	Sealer     *endpoint.Sealer
}

// LoadKeys takes the admin token and the seal keys from the configuration. With the embedded
// bus what is not given is made once and kept in the data folder, readable by its owner.
func LoadKeys(c *config.Config) (Keys, error) {
	k := Keys{AdminToken: c.AdminToken.Open()}
	var err error
	if k.AdminToken == "" {
		k.TokenPath = filepath.Join(c.DataDir, TokenFile)
		if k.AdminToken, err = keep(k.TokenPath, func() string { return "hst_" + random(24) }); err != nil {
			return Keys{}, fmt.Errorf("admin token: %w", err)
		}
	}
	seal := strings.Join(c.SealKey.Open(), " ")
	if seal == "" {
		seal, err = keep(filepath.Join(c.DataDir, SealFile), func() string {
			b := make([]byte, 32)
			_, _ = rand.Read(b) // never fails
			return base64.StdEncoding.EncodeToString(b)
		})
		if err != nil {
			return Keys{}, fmt.Errorf("seal key: %w", err)
		}
	}
	if k.Sealer, err = endpoint.ParseSealer(seal); err != nil {
		return Keys{}, fmt.Errorf("HOOKSPAN_SEAL_KEY: %w", err)
	}
	return k, nil
}

// makeSecrets gives each configured endpoint without a secret one of its own, which is made
// once and kept in the data folder like the admin token.
func (a *App) makeSecrets(endpoints []*endpoint.Endpoint) error {
	for _, e := range endpoints {
		if len(e.Secrets) > 0 || (e.Signature != "standard" && e.Signature != "standard-ed25519") {
			continue
		}
		path := filepath.Join(a.Config.DataDir, "endpoint-"+e.Name+"-"+e.Signature)
		secret, err := keep(path, func() string { return signature.GenerateSecret(e.Signature) })
		if err != nil {
			return fmt.Errorf("secret of endpoint %s: %w", e.Name, err)
		}
		a.Log.Info("endpoint has no secret in its configuration; the one that was made for it is kept in a file",
			slog.String("endpoint", e.Name), slog.String("file", path))
		e.Secrets = []string{secret}
	}
	return nil
}

// keep returns what a file holds, and makes the file when there is none.
func keep(path string, fresh func() string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	value := fresh()
	return value, writeFile(path, value)
}

// writeFile writes a small file that only its owner may read, whole or not at all.
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
	return os.Rename(tmp.Name(), path)
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
