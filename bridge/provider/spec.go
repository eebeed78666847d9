package provider

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/hookspan/hookspan/bridge/provider/naming"
	"github.com/hookspan/hookspan/bridge/scheme"
	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// A file is a provider as catalog/*.yaml declares it. Its fields are the whole language; an
// unknown one is an error.
type file struct {
	Name       string            `yaml:"name"`
	Title      string            `yaml:"title"`
	Like       string            `yaml:"like"`       // the provider that this one builds on
	With       map[string]string `yaml:"with"`       // other defaults for that one's options
	Verified   []string          `yaml:"verified"`   // facts that were checked, with their source
	Unverified []string          `yaml:"unverified"` // facts that were not
	Secrets    string            `yaml:"secrets"`    // what a source's secret is, in words
	Methods    declaration.List  `yaml:"methods"`    // of deliveries; POST unless it says otherwise
	MediaTypes declaration.List  `yaml:"media_types"`
	Options    []Option          `yaml:"options"`
	Proof      scheme.Spec       `yaml:",inline"`
	Challenges []challengeSpec   `yaml:"challenges"`
	Event      naming.Spec       `yaml:"event"`
	Success    answerSpec        `yaml:"success"`
	MaxBody    size              `yaml:"max_body"` // the largest that the vendor sends; 1MiB unless it says otherwise
	Refusal    int               `yaml:"refusal"`  // status; 401 unless it says otherwise
	Samples    []sampleSpec      `yaml:"samples"`
}

// An Option is a setting that a provider has beyond those of every source.
type Option struct {
	Name        string   `yaml:"name" json:"name"`
	Default     string   `yaml:"default" json:"default,omitempty"`
	Required    bool     `yaml:"required" json:"required,omitempty"`
	Secret      bool     `yaml:"secret" json:"secret,omitempty"`
	Values      []string `yaml:"values" json:"values,omitempty"` // all that are allowed; empty is anything
	Example     string   `yaml:"example" json:"example,omitempty"`
	Description string   `yaml:"description" json:"description"`
}

// A size is a number of bytes, written 512KiB or 25MiB.
type size int64

var sizeUnits = map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "kB": 1e3, "MB": 1e6}

// UnmarshalYAML refuses what is no size, and more than any bus takes.
func (s *size) UnmarshalYAML(node ast.Node) error {
	var text string
	if err := declaration.DecodeNode(node, &text); err != nil {
		return err
	}
	unit := strings.TrimLeft(text, "0123456789")
	n, err := strconv.ParseInt(strings.TrimSuffix(text, unit), 10, 32)
	factor, known := sizeUnits[strings.TrimSpace(unit)]
	if err != nil || !known || n < 1 || n*factor > 1<<30 {
		at := node.GetToken().Position
		return fmt.Errorf("[%d:%d] %q is not a size from 1 byte to 1024MiB, such as 25MiB", at.Line, at.Column, text)
	}
	*s = size(n * factor)
	return nil
}
