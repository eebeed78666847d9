package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/signature"
	"github.com/hookspan/hookspan/cmd/hookspan/adapter"
	"github.com/hookspan/hookspan/cmd/hookspan/cli"
)

// demoSources are the intakes of dev, with secrets that everybody knows.
var demoSources = []struct{ name, secret string }{
	{"sticky", "ThirtyTwoCharactersOfAKeyPhrase1"},
	{"corefy", "a-secret-that-everybody-knows"},
	{"sticker", "a-secret-that-everybody-knows"},
	{"cryptlex", "a-secret-that-everybody-knows"},
}

// honoured are the variables that dev takes from the environment; the rest it sets itself.
var honoured = []string{
	"HOOKSPAN_LISTEN", "HOOKSPAN_ADMIN_LISTEN", "HOOKSPAN_ADMIN_TOKEN", "HOOKSPAN_LOG_LEVEL", "HOOKSPAN_LOG_FORMAT",
	"HOOKSPAN_EMBEDDED_LISTEN", "HOOKSPAN_EMBEDDED_SYNC", "HOOKSPAN_EMBEDDED_USER", "HOOKSPAN_EMBEDDED_PASSWORD",
}

const (
	demoEvery = 3 * time.Second
	demoGrace = "3s"
)

// DevCommand tries Hookspan out.
func DevCommand(t *cli.Terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "dev",
		Short: "Try it out: sample webhooks in, signed webhooks out, nothing to set up",
		Long: "Run the whole bridge in this process: a bus in a temporary folder, four sources, one endpoint that checks\n" +
			"what it gets, and a simulated webhook every few seconds. Nothing is left behind.\n" +
			"It honours " + strings.Join(honoured, ", ") + ".",
		Example: "  hookspan dev\n  HOOKSPAN_EMBEDDED_LISTEN=127.0.0.1:4222 hookspan dev",
		Args:    cobra.NoArgs,
		RunE:    t.Action(func(cmd *cobra.Command, _ []string) error { return dev(cmd.Context(), t) }),
	}
}

func dev(ctx context.Context, t *cli.Terminal) error {
	dir, err := os.MkdirTemp("", "hookspan-dev-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	d := &demo{out: t.Out, secret: signature.GenerateSecret("standard")}
	if err := d.listen(); err != nil {
		return err
	}
	defer d.server.Close()
	c, err := Configured(ctx, d.environ(t, dir))
	if err != nil {
		return err
	}
	level := slog.LevelWarn
	if t.Variable("HOOKSPAN_LOG_LEVEL") != "" {
		level = slog.Level(c.LogLevel)
	}
	log := openLog(t, "text", level)
	defer log.close()
	p, err := Open(c, Parts{Log: log.Logger, LogLevel: log.level, Observer: d})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	var simulating sync.WaitGroup
	simulating.Go(func() { d.run(running, p) })
	err = p.Run(ctx)
	stop()
	simulating.Wait()
	return errors.Join(err, p.closeBy(p.StopBy()))
}

// A demo is the outside world of dev: it sends as four systems would, and receives.
type demo struct {
	out    io.Writer
	secret string
	scheme *signature.Scheme
	server *http.Server
	url    string

	mu sync.Mutex // one line at a time
}

// environ is the configuration of dev, as variables.
func (d *demo) environ(t *cli.Terminal, dir string) []string {
	var names []string
	env := []string{
		"HOOKSPAN_DATA_DIR=" + dir, "HOOKSPAN_STOP_GRACE=" + demoGrace, "HOOKSPAN_EGRESS_ALLOW=127.0.0.0/8,::1/128",
		"HOOKSPAN_ENDPOINTS=demo", "HOOKSPAN_ENDPOINT_DEMO_URL=" + d.url, "HOOKSPAN_ENDPOINT_DEMO_SECRETS=" + d.secret,
		"HOOKSPAN_LISTEN=" + d.freeOr("intake", "127.0.0.1:8080", t.Variable("HOOKSPAN_LISTEN")),
		"HOOKSPAN_ADMIN_LISTEN=" + d.freeOr("admin", "127.0.0.1:8081", t.Variable("HOOKSPAN_ADMIN_LISTEN")),
	}
	for _, s := range demoSources {
		names = append(names, s.name)
		block := "HOOKSPAN_SOURCE_" + strings.ToUpper(s.name)
		env = append(env, block+"_PROVIDER="+s.name, block+"_SECRETS="+s.secret)
	}
	env = append(env, "HOOKSPAN_SOURCES="+strings.Join(names, ","))
	for _, name := range honoured[2:] {
		if v := t.Variable(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// freeOr takes the address that was asked for, else the default one, else a free port.
func (d *demo) freeOr(what, address, asked string) string {
	if asked != "" {
		return asked
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		d.say("%s is in use, the %s listener takes a free port", address, what)
		return "127.0.0.1:0"
	}
	_ = l.Close()
	return address
}

// listen starts the endpoint: a receiver that verifies each request as any receiver should.
func (d *demo) listen() (err error) {
	if d.scheme, err = signature.Compile("standard", nil, []string{d.secret}); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the demo endpoint: %w", err)
	}
	d.url = "http://" + l.Addr().String() + "/demo"
	d.server = &http.Server{Handler: http.HandlerFunc(d.receive), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = d.server.Serve(l) }()
	return nil
}

func (d *demo) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2<<20))
	if err == nil {
		err = d.scheme.Verify(r.Header, signature.Message{Method: r.Method, URL: d.url, Body: body}, time.Now())
	}
	if err != nil {
		d.say("endpoint   refused %s: %v", r.Header.Get("Ce-Type"), err)
		http.Error(w, "bad signature", http.StatusUnauthorized)
		return
	}
	d.say("endpoint   received %s, signature verified, %d bytes", r.Header.Get("Ce-Type"), len(body))
	w.WriteHeader(http.StatusNoContent)
}

// run greets once the server is ready and then sends a webhook every few seconds.
func (d *demo) run(ctx context.Context, p *Process) {
	if p.awaitReady(ctx) != nil {
		return
	}
	intake := "http://" + cli.Reachable(p.IntakeAddr())
	catalog, err := provider.Load("")
	if err != nil {
		d.say("no samples: %v", err)
		return
	}
	d.greet(p, intake, catalog)
	tick := time.NewTicker(demoEvery)
	defer tick.Stop()
	for seq := 1; ; seq++ {
		s := demoSources[(seq-1)%len(demoSources)]
		if pr, ok := catalog.Provider(s.name); ok {
			d.send(ctx, pr, s.secret, intake+"/webhooks/"+s.name, seq)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (d *demo) greet(p *Process, intake string, catalog *provider.Catalog) {
	admin := "http://" + cli.Reachable(p.AdminAddr())
	lines := []string{"", "Hookspan is running. Ctrl-C stops it and leaves nothing behind.", ""}
	for _, s := range demoSources {
		lines = append(lines, fmt.Sprintf("  source    %s/webhooks/%-9s secret %s", intake, s.name, s.secret))
	}
	lines = append(lines, "  endpoint  "+d.url+" (in this process, checks every signature)", "  admin     "+admin,
		"  token:    "+p.Keys().AdminToken, "")
	if b, ok := p.bus.(adapter.Listening); ok && b.ClientURL() != "" {
		lines = append(lines, "  nats      nats sub --server "+b.ClientURL()+" 'hookspan.events.>'", "")
	}
	lines = append(lines, "Send one yourself:", "", "  "+curl(catalog, intake), "",
		"See what became of it:", "", "  curl -s -H 'Authorization: Bearer "+p.Keys().AdminToken+"' "+admin+"/v1/deliveries", "")
	d.say("%s", strings.Join(lines, "\n"))
}

// curl is a command that sends a signed webhook.
func curl(catalog *provider.Catalog, intake string) string {
	s := demoSources[2]
	p, ok := catalog.Provider(s.name)
	if !ok {
		return ""
	}
	url := intake + "/webhooks/" + s.name
	sample, err := p.Sample(provider.SampleRequest{Secret: s.secret, URL: url, Now: time.Now()})
	if err != nil {
		return ""
	}
	command := "curl -i " + url
	for name, values := range sample.Header {
		command += fmt.Sprintf(" \\\n    -H '%s: %s'", name, values[0])
	}
	return command + fmt.Sprintf(" \\\n    --data-raw '%s'", strings.ReplaceAll(string(sample.Body), "'", `'\''`))
}

// send makes one simulated delivery.
func (d *demo) send(ctx context.Context, p *provider.Provider, secret, url string, seq int) {
	types := p.Samples()
	typ := types[(seq-1)/len(demoSources)%len(types)]
	sample, err := p.Sample(provider.SampleRequest{Type: typ, Secret: secret, URL: url, Now: time.Now(), Seq: seq})
	if err != nil {
		d.say("%-10s no sample: %v", p.Name, err)
		return
	}
	req, err := http.NewRequestWithContext(ctx, sample.Method, sample.URL, strings.NewReader(string(sample.Body)))
	if err != nil {
		d.say("%-10s %v", p.Name, err)
		return
	}
	req.Header = sample.Header
	began := time.Now()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			d.say("%-10s %s was not taken: %v", p.Name, typ, err)
		}
		return
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<16))
	d.say("%-10s sent %s, answered %s after %s: verified and durable on the bus", p.Name, typ, res.Status, time.Since(began).Round(100*time.Microsecond))
}

// Attempted prints the end of an event's way.
func (d *demo) Attempted(a delivery.Attempt) {
	switch {
	case a.Outcome == delivery.Delivered:
		d.say("hookspan   delivered %s to demo, attempt %d, %s (%s)", a.Event.Type, a.Number, a.Received.Sub(a.Sent).Round(100*time.Microsecond), a.Delivery)
	case a.Outcome == "":
		d.say("hookspan   attempt %d of %s failed (%s), next at %s", a.Number, a.Event.Type, a.Reason, a.Next.Local().Format(time.TimeOnly))
	default:
		d.say("hookspan   %s ended as %s", a.Event.Type, a.Outcome)
	}
}

// Waiting has nothing to say: a new folder holds nothing pending.
func (d *demo) Waiting(delivery.Entry) {}

func (d *demo) say(format string, a ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fmt.Fprintf(d.out, format+"\n", a...)
}
