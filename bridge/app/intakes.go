package app

import (
	"cmp"
	"log/slog"
	"sync"

	"github.com/hookspan/hookspan/bridge/admin"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// intakes are the configured sources and the types of events that are known of each, made once for a
// configuration: the files of providers are read for it.
type intakes struct {
	app *App

	mu  sync.Mutex
	of  *config.Config
	all []admin.Intake
}

// list is not changed afterwards.
func (in *intakes) list() []admin.Intake {
	c := in.app.current.Load()
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.of != c {
		in.of, in.all = c, nil
		for _, s := range sources(c) {
			in.all = append(in.all, in.app.intake(s))
		}
	}
	return in.all
}

func (a *App) intake(s receiver.Source) admin.Intake {
	in := admin.Intake{Source: s.Name, Provider: s.Provider, URL: s.PublicURL, Topic: cmp.Or(s.Topic, a.Config.TopicPrefix+"."+s.Name)}
	p, known := a.catalog.Provider(s.Provider)
	if !known {
		return in
	}
	in.Method = p.Methods[0]
	prefix, types, err := p.Types(s.OfProvider())
	if err != nil { // the source is there all the same
		a.Log.Warn("types of a source's events are not known", slog.String("source", s.Name), slog.Any("error", err))
	}
	for _, t := range types {
		topic := in.Topic
		if !a.Config.Bus.Kind.TopicPerSource() {
			topic = receiver.Topic(in.Topic, t.Type, prefix)
		}
		in.Types = append(in.Types, admin.DeclaredType{Type: t.Type, Topic: topic, DataContentType: t.DataContentType, Data: t.Data})
	}
	return in
}
