package bench

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// A bomb is a body that is small until it is looked at. It is genuine: its sender has the secret.
type bomb struct {
	what     string
	zipped   bool
	open     string
	item     string // as often as there is room
	end      string
	size     int // unpacked
	settings []string
}

// bombs are the bodies, each with what its source has to be asked for.
func bombs() []bomb {
	const begin = `{"event":"order.shipped","data":{"items":[1`
	large := []string{"HOOKSPAN_SOURCE_BENCH_MAX_BODY=25MiB"}
	checked := []string{"HOOKSPAN_SOURCE_BENCH_SCHEMA=warn"}
	return []bomb{
		{"gzip of 25 MiB of spaces", true, `{"event":"order.shipped"`, " ", "}", 25 << 20, large},
		{"numbers and a schema", false, begin, ",1", "]}}", 1<<20 - 64, checked},
		{"gzip of both", true, begin, ",1", "]}}", 1<<20 - 64, checked},
	}
}

// made is the body of one sender, as no other one's.
func (b *bomb) made(n int) []byte {
	front := fmt.Sprintf(`{"n":%d,`, n) + b.open[1:]
	text := front + strings.Repeat(b.item, (b.size-len(front)-len(b.end))/len(b.item)) + b.end
	if !b.zipped {
		return []byte(text)
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = io.WriteString(z, text) // into memory
	_ = z.Close()
	return out.Bytes()
}

// measure has all send at once.
func (m *packed) measure(ctx context.Context, t *cli.Terminal, home *benchHome, p *hostilePlan, b *bomb) error {
	home.environ = append(append(home.environ, b.settings...), "HOOKSPAN_INTAKE_MEMORY="+m.Bound, "HOOKSPAN_LOG_LEVEL=error")
	c, err := launch{program: p.program}.start(ctx, t, home)
	if err != nil {
		return err
	}
	defer c.end()
	m.Idle, _ = peakMB(c.cmd.Process.Pid)
	bodies := make([][]byte, p.senders)
	for i := range bodies {
		bodies[i] = b.made(i)
	}
	m.Bytes = len(bodies[0])
	var (
		all sync.WaitGroup
		mu  sync.Mutex
	)
	began := time.Now()
	for i, body := range bodies {
		all.Go(func() {
			status := webhook(ctx, c.intake, body, b.zipped, fmt.Sprint(i))
			mu.Lock()
			defer mu.Unlock()
			m.Answers[status]++
		})
	}
	all.Wait()
	m.Seconds = time.Since(began).Seconds()
	m.RSS = c.end()
	return nil
}

// webhook sends one on a connection of its own and returns the status, 0 without an answer.
func webhook(ctx context.Context, intake string, body []byte, zipped bool, id string) int {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, intake+"/webhooks/bench", bytes.NewReader(body))
	if err != nil {
		return 0
	}
	signature := make([]byte, hex.EncodedLen(sha256.Size))
	benchSigner()(signature, body)
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "X-Sticker-Event": {"order.shipped"}, "X-Sticker-Delivery-Id": {id}, "X-Sticker-Signature": {"sha256=" + string(signature)},
	}
	if zipped {
		req.Header.Set("Content-Encoding", "gzip")
	}
	req.Close = true
	sender := &http.Client{Timeout: answerTimeout, Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	res, err := sender.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close() // the status is all
	return res.StatusCode
}
