package app

import (
	"log/slog"

	"github.com/hookspan/hookspan/bridge/backup"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/receiver"
)

// BackupSource is the configured installation, to make a backup of.
func BackupSource(c *config.Config, b Bus, version string, log *slog.Logger) backup.Source {
	return backup.Source{Store: b, Topics: c.Topics, Layout: layout(c), Bus: string(c.Bus.Kind), By: version, Log: log}
}

// BackupTarget is the configured installation, to restore a backup onto.
func BackupTarget(c *config.Config, log *slog.Logger) (backup.Target, error) {
	sealer, err := Sealer(c)
	return backup.Target{
		Topics: c.Topics, Layout: layout(c), Shards: Shards, Sealer: sealer, Log: log,
		Mark:  receiver.MarkOf,
		Typed: func(source, eventType string) string { return receiver.Topic(source, eventType, "") },
	}, err
}

func layout(c *config.Config) backup.Layout {
	l := backup.Layout{Namespace: c.Namespace, Prefix: c.TopicPrefix, PerSource: c.Bus.Kind.TopicPerSource()}
	for i := range c.Sources {
		l.Sources = append(l.Sources, c.Sources[i].Topic)
	}
	return l
}
