package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/endpoint"
	"github.com/hookspan/hookspan/bridge/listener"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/receiver"
	"github.com/hookspan/hookspan/bridge/setting"
	"github.com/hookspan/hookspan/bridge/signature"
	"github.com/hookspan/hookspan/bridge/topic"
)

// An EgressCheck says whether an endpoint may live where it says, and be reached as it says.
type EgressCheck func(ctx context.Context, e *endpoint.Endpoint) (warning string, faults []endpoint.FieldError)

// Check finds what a start would refuse, by the start's own parts, without a bus and without
// taking a port of its own. It adds to the configuration's warnings, as what only this machine
// cannot do.
func Check(ctx context.Context, c *config.Config, egress EgressCheck) config.Problems {
	k := &checking{conf: c}
	k.sources()
	k.topics()
	k.endpoints(ctx, egress)
	k.listeners()
	k.hosts(ctx)
	k.modes()
	k.keys()
	if c.Bus.Kind == config.BusEmbedded {
		k.dataDir()
	}
	return k.problems
}

// A checking is one run of Check.
type checking struct {
	conf     *config.Config
	problems config.Problems
	catalog  *provider.Catalog
}

func (k *checking) problem(where, what string) {
	k.problems = append(k.problems, config.Problem{Where: where, What: what})
}

func (k *checking) warn(where, what string) {
	k.conf.Warnings = append(k.conf.Warnings, config.Problem{Where: where, What: what})
}

// sources opens a receiver that takes no requests.
func (k *checking) sources() {
	c := k.conf
	if _, err := dataSchemas(c); err != nil {
		k.problem("HOOKSPAN_SCHEMAS_DIR", err.Error())
	}
	catalog, err := provider.Load(c.ProvidersDir)
	k.catalog = catalog
	if err != nil {
		k.problem("HOOKSPAN_PROVIDERS_DIR", err.Error())
		return
	}
	compile := verifiers(catalog, nil)
	for i, s := range sources(c) {
		_, err := receiver.New(receiver.Options{
			Sources: []receiver.Source{s}, Verifier: k.told(compile, &c.Sources[i]), Publisher: noBus{}, TopicPrefix: c.TopicPrefix, Retention: c.Retention,
			Memory: int64(c.IntakeMemory), Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		})
		for _, fault := range apart(err) {
			what := strings.TrimPrefix(fault.Error(), fmt.Sprintf("source %q: ", s.Name))
			k.problem(k.sourceFault(&c.Sources[i], what))
		}
		if size := c.Sources[i].MaxBody; int64(size) > receiver.BodyMemory(int64(c.IntakeMemory), slices.ContainsFunc(c.Sources, func(s config.Source) bool { return s.Checks() })) {
			k.problem("HOOKSPAN_INTAKE_MEMORY", fmt.Sprintf("less than the largest body of source %s (%d bytes)", s.Name, size))
		}
	}
}

// topics warns of one that is followed though nobody knows who wrote what lies there.
func (k *checking) topics() {
	c := k.conf
	for _, pattern := range c.Topics {
		if unproven := c.Namespace + ".unverified"; c.Runs(config.RoleDispatcher) && topic.MeetsAny(unproven, []string{pattern}) {
			k.warn(c.Setting("topics"), fmt.Sprintf("%s takes in %s, where a source that only observes puts what nobody has proved: endpoints get it like what is genuine; name the topics that they are to get", pattern, unproven))
		}
	}
}

// noBus takes events of any size, and none is sent.
type noBus struct{ bus.Publisher }

func (noBus) MaxBytes() int64 { return 0 }

// A compiler makes the verifier of a source.
type compiler func(provider string, c provider.Config) (receiver.Verifier, error)

// told passes a verifier on, tells what an operator should know of it, and settles what the
// provider says of a source that does not.
func (k *checking) told(compile compiler, s *config.Source) compiler {
	return func(name string, conf provider.Config) (receiver.Verifier, error) {
		v, err := compile(name, conf)
		if of, ok := v.(*provider.Verifier); ok && err == nil {
			if s.MaxBody == 0 {
				s.MaxBody = setting.Size(of.MaxBody())
			}
			for _, warning := range of.Warnings() {
				k.warn("source "+s.Name, warning)
			}
			if of.Decrypts() && s.SecretsSplit {
				k.warn(k.conf.SourceSetting(s.Name, "secrets"), fmt.Sprintf(
					"taken for %d key phrases, because spaces separate secrets; one phrase of several words goes into the variable's _FILE twin, a line for each, or into a list of the file", len(s.Secrets)))
			}
			if s.Verify == receiver.Observe {
				k.warn(k.conf.SourceSetting(s.Name, "verify"), "requests that prove nothing are taken, to "+k.conf.Namespace+".unverified alone; set it to enforce once the sender's are verified")
			}
			if of.SignsURL() && s.PublicURL == "" {
				k.warn(k.conf.SourceSetting(s.Name, "public_url"),
					"missing; the signatures cover the URL, which behind a proxy is not the one that the sender was told: give that one")
			}
		}
		return v, err
	}
}

// declared are the sections of a provider's declaration that a source's options are written into. They
// stood the test without them.
var declared = []string{"verify", "decrypt", "check", "freshness"}

// sourceFault is where the setting was given that a fault of a source begins with, and the rest of it.
func (k *checking) sourceFault(s *config.Source, fault string) (where, what string) {
	word, rest, _ := strings.Cut(fault, ": ")
	section, _, _ := strings.Cut(word, "[")
	switch {
	case slices.Contains(declared, section) && strings.HasPrefix(rest, "secret "):
		return k.conf.SourceSetting(s.Name, "secrets"), fault
	case slices.Contains(declared, section) && len(s.Options) > 0:
		return k.conf.SourceSetting(s.Name, "options"), fault
	case slices.Contains(declared, section) || !slices.ContainsFunc(receiver.Fields(), func(f setting.Field) bool { return f.Word == word }):
		return "source " + s.Name, fault
	}
	return k.conf.SourceSetting(s.Name, word), rest
}

// endpoints holds each against what a registration would.
func (k *checking) endpoints(ctx context.Context, egress EgressCheck) {
	byEnv, byFile := endpoints(k.conf)
	all := append(byEnv, byFile...)
	refusals, kept := make([]error, len(all)), make([]string, len(all))
	var schemes signature.Schemes
	if k.catalog != nil { // it could be read
		schemes.Providers = k.catalog
	}
	var looking sync.WaitGroup // names are looked up side by side
	for i, e := range all {
		for _, warning := range doubtful(e, schemes) {
			k.warn("endpoint "+e.Name, warning)
		}
		if made := signature.GenerateSecret(e.Signature); len(e.Secrets) == 0 && k.conf.Alone() && made != "" {
			kept[i] = secretPath(k.conf.DataDir, e)
			e.Secrets = []string{cmp.Or(k.kept("secret of endpoint "+e.Name, kept[i]), made)} // as the start makes one
		}
		looking.Go(func() {
			refusals[i] = endpoint.Adoptable(ctx, e, func(ctx context.Context, e *endpoint.Endpoint) []endpoint.FieldError {
				_, faults := checkEndpoint(ctx, e, egress, schemes)
				return faults
			})
		})
	}
	looking.Wait()
	for i, err := range refusals {
		var invalid *endpoint.InvalidError
		if errors.As(err, &invalid) {
			for _, f := range invalid.Fields {
				what := f.Message
				if strings.ContainsAny(f.Field, ".[") { // one of several
					what = f.Field + " " + what
				}
				where := k.conf.EndpointSetting(all[i].Name, f.Field)
				if field, _, _ := strings.Cut(f.Field, "["); field == "secrets" {
					where = cmp.Or(kept[i], where)
				}
				k.problem(where, what)
			}
		}
	}
}

// keys reads those of the process itself, the ones too that a start before has made and kept.
func (k *checking) keys() {
	c := k.conf
	path := ""
	seal := strings.Join(c.SealKey.Open(), " ")
	if seal == "" && c.Alone() {
		path = filepath.Join(c.DataDir, SealFile)
		seal = k.kept("seal key", path)
	}
	if _, err := endpoint.ParseSealer(seal); err != nil {
		k.problem(cmp.Or(path, "HOOKSPAN_SEAL_KEY"), err.Error())
	}
	if c.AdminToken.IsZero() && c.Alone() {
		k.kept("admin token", filepath.Join(c.DataDir, TokenFile))
	}
}

// kept is the secret in a file of the data folder, "" where a start would make one. That this user
// may not read it is no fault: the server's may.
func (k *checking) kept(what, path string) string {
	if dir, err := os.Stat(k.conf.DataDir); err != nil || !dir.IsDir() {
		return "" // which dataDir tells of
	}
	secret, err := config.ReadSecret(path)
	switch {
	case err == nil:
		return strings.TrimSpace(secret)
	case errors.Is(err, fs.ErrPermission):
		k.warn(what, "a start would fail here: "+err.Error())
	case !errors.Is(err, fs.ErrNotExist):
		k.problem(what, err.Error())
	}
	return ""
}

// listeners reads the certificates.
func (k *checking) listeners() {
	for variable, t := range map[string]config.TLS{"HOOKSPAN_TLS_CERT": k.conf.TLS, "HOOKSPAN_ADMIN_TLS_CERT": k.conf.AdminTLS} {
		if _, err := listener.Server(listener.Options{CertFile: t.Cert, KeyFile: t.KeyFile, Log: slog.New(slog.DiscardHandler)}); err != nil {
			k.problem(variable, err.Error())
		}
	}
}

// apart takes joined errors apart.
func apart(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, apart(one)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
