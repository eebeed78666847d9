package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/header"
)

// Variables of OpenTelemetry. Those of the exporter exist for traces alone as well; these go
// before.
const (
	disabled  = "OTEL_SDK_DISABLED"
	exporters = "OTEL_TRACES_EXPORTER"
	sampler   = "OTEL_TRACES_SAMPLER"
	ratio     = "OTEL_TRACES_SAMPLER_ARG"
	resources = "OTEL_RESOURCE_ATTRIBUTES"
	ofAll     = "OTEL_EXPORTER_OTLP_"
	ofTraces  = "OTEL_EXPORTER_OTLP_TRACES_"
)

// samplers are those that the SDK has.
var samplers = []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}

// variables are those of the process.
type variables map[string]string

func read(environ []string) variables {
	v := variables{}
	for _, one := range environ {
		if name, value, ok := strings.Cut(one, "="); ok && strings.HasPrefix(name, "OTEL_") {
			v[name] = strings.TrimSpace(value)
		}
	}
	return v
}

// on: somebody wants traces.
func (v variables) on() bool {
	if strings.EqualFold(v[disabled], "true") || v[exporters] == "none" {
		return false
	}
	return v[ofAll+"ENDPOINT"] != "" || v[ofTraces+"ENDPOINT"] != ""
}

// Check finds what cannot be read of the variables. Nothing is looked at where traces are off.
func Check(environ []string) config.Problems {
	c := checking{variables: read(environ)}
	if !c.on() {
		return nil
	}
	if e := c.variables[exporters]; e != "" && e != "otlp" {
		c.problem(exporters, fmt.Sprintf("%q is unknown here: otlp or none", e))
	}
	c.sampler()
	for i, pair := range strings.Split(c.variables[resources], ",") {
		if key, _, ok := strings.Cut(pair, "="); strings.TrimSpace(pair) != "" && (!ok || strings.TrimSpace(key) == "") {
			c.problem(resources, fmt.Sprintf("item %d: want key=value, separated by commas", i+1))
		}
	}
	for _, front := range []string{ofAll, ofTraces} {
		c.exporter(front)
	}
	return c.problems
}

type checking struct {
	variables
	problems config.Problems
}

func (c *checking) problem(variable, what string) {
	c.problems = append(c.problems, config.Problem{Where: variable, What: what})
}

func (c *checking) sampler() {
	if s := c.variables[sampler]; s != "" && !slices.Contains(samplers, strings.ToLower(s)) {
		c.problem(sampler, fmt.Sprintf("%q is unknown; there are %s", s, strings.Join(samplers, ", ")))
	}
	if r := c.variables[ratio]; r != "" {
		if f, err := strconv.ParseFloat(r, 64); err != nil || !(f >= 0 && f <= 1) {
			c.problem(ratio, fmt.Sprintf("%q: want a share between 0 and 1, such as 0.05", r))
		}
	}
}

// exporter checks the variables with one front. Their values may be secrets and are not told.
func (c *checking) exporter(front string) {
	checks := map[string]func(string) string{
		"ENDPOINT": badEndpoint, "PROTOCOL": badProtocol, "TIMEOUT": badTimeout, "HEADERS": badHeaders,
		"COMPRESSION": badCompression, "CERTIFICATE": badAuthorities,
	}
	for _, name := range []string{"ENDPOINT", "PROTOCOL", "TIMEOUT", "HEADERS", "COMPRESSION", "CERTIFICATE"} {
		if value := c.variables[front+name]; value != "" {
			if what := checks[name](value); what != "" {
				c.problem(front+name, what)
			}
		}
	}
	cert, key := c.variables[front+"CLIENT_CERTIFICATE"], c.variables[front+"CLIENT_KEY"]
	switch {
	case cert == "" && key == "":
	case cert == "" || key == "":
		c.problem(front+"CLIENT_CERTIFICATE", "goes with "+front+"CLIENT_KEY: give both or none")
	default:
		if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
			c.problem(front+"CLIENT_CERTIFICATE", err.Error())
		}
	}
}

func badEndpoint(value string) string {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "is not a URL of a collector; it looks like http://collector:4318"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "must have no user, password, query or fragment; what proves who sends goes into " + ofAll + "HEADERS"
	}
	return ""
}

func badProtocol(value string) string {
	if value != "http/protobuf" && value != "http/json" {
		return fmt.Sprintf("%q cannot be had; http/protobuf (the usual) or http/json, at the collector's port 4318", value)
	}
	return ""
}

func badTimeout(value string) string {
	if n, err := strconv.Atoi(value); err != nil || n <= 0 {
		return fmt.Sprintf("%q: want milliseconds, such as 10000", value)
	}
	return ""
}

func badHeaders(value string) string {
	for i, pair := range strings.Split(value, ",") {
		name, text, ok := strings.Cut(pair, "=")
		text, err := url.PathUnescape(text)
		if !ok || err != nil || !header.ValidName(strings.TrimSpace(name)) || !header.ValidValue(strings.TrimSpace(text)) {
			return fmt.Sprintf("item %d: want name=value, separated by commas, with %%2C for a comma in a value", i+1)
		}
	}
	return ""
}

func badCompression(value string) string {
	if value != "gzip" && value != "none" {
		return fmt.Sprintf("%q is unknown: gzip or none", value)
	}
	return ""
}

func badAuthorities(value string) string {
	pem, err := os.ReadFile(value)
	if err != nil {
		return err.Error()
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return value + " holds no certificate in PEM form"
	}
	return ""
}
