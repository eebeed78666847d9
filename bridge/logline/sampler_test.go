package logline_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookspan/hookspan/bridge/logline"
)

// A written line, as far as tests look at it.
type written struct {
	Level, Msg       string
	Endpoint, Source string
	Attempt          int
	Suppressed       int64
	Detail           string
}

// A book keeps what is written.
type book struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *book) lines(t *testing.T) (all []written) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for text := range strings.Lines(b.text.String()) {
		var w written
		if err := json.Unmarshal([]byte(text), &w); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		all = append(all, w)
	}
	return all
}

// over lets periods pass.
func over(n int) {
	<-time.After(time.Duration(n) * time.Second)
	synctest.Wait()
}

func TestAFloodIsWrittenInPartAndCountedInFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		log := slog.New(logline.Sample(slog.NewJSONHandler(b, nil)))
		for i := range 1000 {
			log.Warn("attempt", slog.String("endpoint", "crm"), slog.Int("attempt", i))
		}
		log.Warn("attempt", slog.String("endpoint", "erp"), slog.Int("attempt", 7))
		log.Info("attempt", slog.String("endpoint", "crm"), slog.Int("attempt", 8))
		log.Warn("attempt", slog.String("endpoint", "crm"), slog.Int("attempt", 9), slog.String("detail", "another key"))
		all := b.lines(t)
		if len(all) != 53 || all[0].Attempt != 0 || all[49].Attempt != 49 || all[50].Endpoint != "erp" || all[51].Level != "INFO" || all[52].Attempt != 9 {
			t.Fatalf("%d lines at once: %+v", len(all), all)
		}
		over(1)
		all = b.lines(t)
		if last := all[len(all)-1]; len(all) != 54 || last.Attempt != 999 || last.Suppressed != 949 {
			t.Errorf("when the second is over: %d lines, the last is %+v", len(all), last)
		}
		log.Warn("attempt", slog.String("endpoint", "crm"), slog.Int("attempt", 1000))
		over(3)
		if all = b.lines(t); len(all) != 55 || all[54].Attempt != 1000 || all[54].Suppressed != 0 {
			t.Errorf("after the flood: %+v", all[53:])
		}
	})
}

// What is written and what it says of the rest add up, whatever comes in whatever order, and the
// last of each kind is there.
func TestNothingIsLostFromTheCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		sampler := logline.Sample(slog.NewJSONHandler(b, nil))
		log := slog.New(sampler)
		said, newest := map[string]int64{}, map[string]int{}
		for i := range 20000 {
			source := fmt.Sprint("s", rand.IntN(3))
			attrs := []any{slog.String("source", source), slog.Int("attempt", i)}
			said[source]++
			if rand.IntN(50) == 0 { // a line that counts others itself
				said[source] += 4
				attrs = append(attrs, logline.Suppressed(4))
			}
			log.Info("request refused", attrs...)
			newest[source] = i
			if rand.IntN(5) == 0 {
				<-time.After(time.Millisecond)
			}
		}
		sampler.Flush()
		told, last := map[string]int64{}, map[string]int{}
		for _, w := range b.lines(t) {
			told[w.Source] += 1 + w.Suppressed
			last[w.Source] = max(last[w.Source], w.Attempt)
		}
		for source, n := range said {
			if told[source] != n || last[source] != newest[source] {
				t.Errorf("%s: %d lines are accounted for of %d, the last is %d of %d", source, told[source], n, last[source], newest[source])
			}
		}
		synctest.Wait()
	})
}

// However many endpoints there are, what is remembered of a second is bounded.
func TestKindsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		log := slog.New(logline.Sample(slog.NewJSONHandler(b, nil)))
		const most, more = 4096, 1000
		for i := range most + more {
			log.Warn("endpoint disabled", slog.String("endpoint", fmt.Sprint("e", i)))
		}
		if n := len(b.lines(t)); n != most+50 {
			t.Errorf("%d lines at once", n)
		}
		over(1)
		all := b.lines(t)
		if last := all[len(all)-1]; len(all) != most+51 || last.Suppressed != more-51 {
			t.Errorf("%d lines, the last is %+v", len(all), last)
		}
	})
}

func TestDerivedLoggersShareTheBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		log := slog.New(logline.Sample(slog.NewJSONHandler(b, nil)))
		derived := log.With(slog.String("detail", "derived"))
		for range 40 {
			log.Warn("attempt")
			derived.Warn("attempt")
		}
		over(1)
		all := b.lines(t)
		if last := all[len(all)-1]; len(all) != 51 || last.Suppressed != 29 || last.Detail != "derived" {
			t.Errorf("%d lines, the last is %+v", len(all), last)
		}
	})
}
