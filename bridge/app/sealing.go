package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

// A keyring changes the seal keys of a process that runs.
type keyring struct {
	app     *App
	turn    chan struct{} // holds whoever reads, makes or changes keys
	changed chan struct{} // whoever has changed them sends, presence receives; holds one
}

func newKeyring(a *App) *keyring {
	return &keyring{app: a, turn: make(chan struct{}, 1), changed: make(chan struct{}, 1)}
}

// reseal seals with the newest key what an older one has sealed, so that the older one can be
// taken out. What fails is left to the next start, or to an operator: the older key opens it still.
func (k *keyring) reseal(ctx context.Context) error {
	if k.app.Keys().Sealer.Newest() == "" {
		return nil
	}
	done, err := k.app.registry.Reseal(ctx)
	for _, f := range done.Failed {
		err = errors.Join(err, f.Err)
	}
	switch {
	case err != nil && ctx.Err() == nil:
		k.app.Log.Warn("not all endpoint secrets are sealed with the newest key; keep the older ones in HOOKSPAN_SEAL_KEY", slog.Int("endpoints", done.Sealed), slog.Any("error", err))
	case done.Sealed > 0:
		k.app.Log.Info("endpoint secrets sealed with the newest key; the older ones can be taken out of HOOKSPAN_SEAL_KEY once every replica has it",
			slog.Int("endpoints", done.Sealed), slog.String("seal_key", done.Key))
	}
	return nil
}

// errKeys: a newer configuration has no seal keys that can be used.
var errKeys = errors.New("HOOKSPAN_SEAL_KEY")

// newer are the seal keys of a newer configuration, or of the data folder where the process keeps
// them itself.
func (k *keyring) newer(c *config.Config) (*endpoint.Sealer, error) {
	now := k.app.Keys()
	seal := strings.Join(c.SealKey.Open(), " ")
	if seal == "" && now.SealPath != "" {
		var err error
		if seal, err = config.ReadSecret(now.SealPath); err != nil {
			return nil, fmt.Errorf("%w: %w", errKeys, err)
		}
	}
	sealer, err := endpoint.ParseSealer(seal)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errKeys, err)
	case sealer.Newest() == "" && now.Sealer.Newest() != "":
		return nil, fmt.Errorf("%w: no key is given any more, and without one no secret is taken", errKeys)
	}
	return sealer, nil
}

// take takes over the seal keys of a newer configuration. Nothing is sealed anew by it: other
// replicas may not have them yet.
func (k *keyring) take(ctx context.Context, c *config.Config) error {
	if err := k.enter(ctx); err != nil {
		return err
	}
	defer func() { <-k.turn }()
	return k.use(ctx, c)
}

func (k *keyring) enter(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (k *keyring) use(ctx context.Context, c *config.Config) error {
	sealer, err := k.newer(c)
	keys := k.app.Keys()
	if err != nil || sealer.Same(keys.Sealer) {
		return err
	}
	if err := k.app.registry.UseKeys(ctx, sealer); err != nil {
		return fmt.Errorf("take over the seal keys: %w", err)
	}
	keys.Sealer = sealer
	k.app.keys.Store(&keys)
	select {
	case k.changed <- struct{}{}:
	default: // it will be told with the change before
	}
	k.app.Log.Info("seal keys reloaded; hookspan keys rotate seals with the newest what others have sealed", slog.String("seal_key", sealer.Newest()))
	return nil
}

// make makes a seal key in front of those that the process keeps itself, and takes it over. It is on
// the disk for good before anything is sealed with it.
func (k *keyring) make(ctx context.Context) error {
	if err := k.enter(ctx); err != nil {
		return err
	}
	defer func() { <-k.turn }()
	c, path := k.app.current.Load(), k.app.Keys().SealPath
	if path == "" || len(c.SealKey) > 0 {
		return admin.ErrKeysGiven
	}
	kept, err := config.ReadSecret(path)
	if err == nil {
		err = writeFile(path, freshSealKey()+" "+strings.Join(strings.Fields(kept), " "))
	}
	if err != nil {
		return fmt.Errorf("make a seal key: %w", err)
	}
	return k.use(ctx, c)
}
