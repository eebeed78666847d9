package logline_test

import (
	"log/slog"
	"testing"

	"github.com/hookspan/hookspan/bridge/logline"
)

func TestALevelTellsOfItsChanges(t *testing.T) {
	t.Parallel()
	b := &book{}
	level := logline.NewLevel(slog.LevelWarn)
	log := slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: level}))
	for _, step := range []struct {
		change func()
		now    slog.Level
		told   string // at which level; "" not at all
	}{
		{func() { level.Set(slog.LevelWarn, "a test", log) }, slog.LevelWarn, ""},
		{func() { level.Toggle("a test", log) }, slog.LevelDebug, "INFO"},
		{func() { level.Toggle("a test", log) }, slog.LevelWarn, "INFO"},
		{func() { level.Set(slog.LevelError, "a test", log) }, slog.LevelError, "WARN"},
		{func() { level.Toggle("a test", log) }, slog.LevelDebug, "INFO"},
		{func() { level.Set(slog.LevelInfo, "a test", log) }, slog.LevelInfo, "INFO"},
	} {
		before := len(b.lines(t))
		step.change()
		if level.Level() != step.now {
			t.Errorf("it is %v, want %v", level.Level(), step.now)
		}
		switch all := b.lines(t); {
		case step.told == "" && len(all) > before:
			t.Errorf("told of no change: %+v", all[before])
		case step.told != "" && (len(all) != before+1 || all[before].Level != step.told || all[before].Msg != "log level changed"):
			t.Errorf("to %v: %+v", step.now, all[before:])
		}
	}
	if level.Configured() != slog.LevelWarn {
		t.Errorf("it is configured as %v", level.Configured())
	}
}

func TestWordsOfLevels(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]slog.Level{"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "Warn": slog.LevelWarn, "error": slog.LevelError} {
		if level, known := logline.Parse(word); !known || level != want {
			t.Errorf("%s: %v, %v", word, level, known)
		}
	}
	for _, word := range []string{"", "warning", "info ", "4"} {
		if level, known := logline.Parse(word); known {
			t.Errorf("%q is %v", word, level)
		}
	}
}
