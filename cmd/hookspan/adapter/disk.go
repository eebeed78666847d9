package adapter

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/jetstream/embedded"
)

// examineFolder looks at the data folder from outside, whether or not a server has it.
func examineFolder(dir string) []bus.Finding {
	f := bus.Finding{Subject: "data folder", Verdict: bus.Fault, Remedy: "set HOOKSPAN_DATA_DIR to the folder of the server"}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Verdict, f.Detail = bus.Warning, dir+" does not exist yet; serve makes it"
		return []bus.Finding{f, examineSync(existing(dir))}
	case err != nil:
		f.Detail = err.Error()
		return []bus.Finding{f}
	case !info.IsDir():
		f.Detail = dir + " is no folder"
		return []bus.Finding{f}
	}
	f.Verdict, f.Detail, f.Remedy = bus.Fine, dir, ""
	return []bus.Finding{f, examineSync(dir)}
}

// existing is the folder in which a path, or the first of its folders that is missing, would be.
func existing(path string) string {
	for {
		parent := filepath.Dir(path)
		if _, err := os.Stat(parent); err == nil || parent == path {
			return parent
		}
		path = parent
	}
}

const (
	syncTrial = time.Second // how long the disk is measured at most
	syncsDone = 200         // that are enough: a server beside it needs the disk, too
	syncBlock = 4096        // bytes of one write
	slowSyncs = 20          // a second; a single webhook waits for one
)

// examineSync measures how often a second a small write reaches the disk.
func examineSync(dir string) bus.Finding {
	f := bus.Finding{Subject: "disk sync", Verdict: bus.Fault, Remedy: "give the data folder a volume that can be written to"}
	rate, err := syncRate(dir)
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	f.Verdict, f.Detail, f.Remedy = bus.Fine, fmt.Sprintf("%.0f syncs/s of %d bytes, one after the other", rate, syncBlock), ""
	if rate < slowSyncs {
		f.Verdict, f.Remedy = bus.Warning, "a webhook is answered after a sync: put the data folder on a faster volume"
	}
	return f
}

func syncRate(dir string) (perSecond float64, err error) {
	file, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, fmt.Errorf("write to the data folder: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	block := make([]byte, syncBlock)
	began := time.Now()
	for n := 1; ; n++ {
		if _, err := file.Write(block); err != nil {
			return 0, fmt.Errorf("write to the data folder: %w", err)
		}
		if err := file.Sync(); err != nil {
			return 0, fmt.Errorf("sync the data folder: %w", err)
		}
		if took := time.Since(began); took >= syncTrial || n == syncsDone {
			return float64(n) / took.Seconds(), nil
		}
	}
}

// examineServer looks at an embedded server that this process has opened.
func examineServer(s *embedded.Server, health error) bus.Finding {
	if health != nil {
		return bus.Finding{
			Subject: "embedded server", Verdict: bus.Fault, Detail: health.Error(),
			Remedy: "make room on the volume of the data folder, or see the server's log",
		}
	}
	return bus.Finding{
		Subject: "embedded server", Verdict: bus.Fine,
		Detail: fmt.Sprintf("up, %d bytes are free, the store may take %d", s.FreeBytes(), s.MaxStore()),
	}
}

// clockSlack is how far the newest event may lie ahead of the clock that stored it.
const clockSlack = time.Minute

// examineClock holds the clock against the events that were stored by it: their retention and
// the times of retries are counted from them.
func examineClock(ctx context.Context, topics bus.Topics) bus.Finding {
	f := bus.Finding{Subject: "stored times", Verdict: bus.Fault, Remedy: "see whether the bus answers, then examine it again"}
	spans, err := topics.Spans(ctx)
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	var ahead time.Duration
	for _, span := range spans {
		if span.End.Mark != 0 {
			ahead = max(ahead, time.Until(time.Unix(0, span.End.Mark))) // on JetStream a mark is a time
		}
	}
	if ahead > clockSlack {
		f.Detail, f.Remedy = fmt.Sprintf("the newest event was stored %s from now", ahead.Round(time.Second)), "set the machine's clock"
		return f
	}
	f.Verdict, f.Detail, f.Remedy = bus.Fine, "no stored event is newer than now", ""
	return f
}
