// Command helm3 renders the chart as Helm 3 does, whose libraries one module cannot have beside
// what the tests need: with the oldest version that the chart's README names.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

// An order is what comes on standard input.
type order struct {
	Chart, Kubernetes string            // folder and version
	Release           string            // name
	Namespace         string            // of the release
	Values            map[string]string // YAML, by the name of a case
}

// A result is what was made of a case; they go to standard output by the case's name.
type result struct {
	Files map[string]string `json:"files,omitempty"` // by path in the chart
	Error string            `json:"error,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var o order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("read what to render: %w", err)
	}
	made := map[string]result{}
	for name, values := range o.Values {
		files, err := o.render(values)
		r := result{Files: files}
		if err != nil {
			r.Error = err.Error()
		}
		made[name] = r
	}
	return json.NewEncoder(out).Encode(made)
}

func (o *order) render(text string) (map[string]string, error) {
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		return nil, err
	}
	caps := chartutil.DefaultCapabilities.Copy()
	version, err := chartutil.ParseKubeVersion(o.Kubernetes)
	if err != nil {
		return nil, err
	}
	caps.KubeVersion = *version
	c, err := loader.Load(o.Chart)
	if err != nil {
		return nil, err
	}
	with, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{Name: o.Release, Namespace: o.Namespace, IsInstall: true, Revision: 1}, caps)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, with)
}
