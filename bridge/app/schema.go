package app

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/dataschema"
	"github.com/hookspan/hookspan/bridge/event"
)

// declaring is the schemas as the newest reload left them.
type declaring struct {
	atomic.Pointer[dataschema.Set]
}

func (d *declaring) Check(e *event.Event, take func(int64) error) (url string, err error) {
	return d.Load().Check(e, take)
}

func (d *declaring) Declared(eventType string) string { return d.Load().Declared(eventType) }

func dataSchemas(c *config.Config) (*dataschema.Set, error) {
	return dataschema.Load(c.SchemasDir, string(c.SchemasURL))
}

// withSchemas answers with schemas on the public listener, where the configuration says so.
func (a *App) withSchemas(intake http.Handler) http.Handler {
	if !a.Config.PublicSchemas {
		return intake
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, dataschema.Path) {
			a.schemas.Load().ServeHTTP(w, r)
			return
		}
		intake.ServeHTTP(w, r)
	})
}
