package provider

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
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
	Methods    list              `yaml:"methods"`    // of deliveries; POST unless it says otherwise
	MediaTypes list              `yaml:"media_types"`
	Options    []Option          `yaml:"options"`
	Verify     []stepSpec        `yaml:"verify"`  // all of these, over the body as it came
	Decrypt    *decryptSpec      `yaml:"decrypt"` // then this
	Check      []stepSpec        `yaml:"check"`   // then all of these, over the plaintext
	Freshness  *freshnessSpec    `yaml:"freshness"`
	Challenges []challengeSpec   `yaml:"challenges"`
	Event      eventSpec         `yaml:"event"`
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

// An eventSpec says how a delivery becomes a CloudEvent.
type eventSpec struct {
	Format     string            `yaml:"format"`   // cloudevents, when the delivery is one already
	Prefix     string            `yaml:"prefix"`   // of the type, without the last dot
	Body       string            `yaml:"body"`     // json (usual), form (a form or JSON), any, auto (JSON where a pointer needs it)
	Document   string            `yaml:"document"` // the field of a form that holds the JSON
	Zone       string            `yaml:"zone"`     // of times without an offset
	Batch      string            `yaml:"batch"`    // JSON pointer to an array whose elements are the events
	Whole      bool              `yaml:"whole"`    // the batch is the whole body
	Resigned   bool              `yaml:"resigned"` // the vendor signs a retry anew, with another time: without an id an event is its body
	Rename     map[string]string `yaml:"rename"`   // type as sent, type as published
	Extensions map[string]string `yaml:"extensions"`

	Attributes attributesSpec `yaml:",inline"`
}

// An attributesSpec finds attributes; of a list the first value that is there counts. With
// by, a case that has the value of by is asked first.
type attributesSpec struct {
	ID      list                      `yaml:"id"`
	Type    list                      `yaml:"type"`
	Source  list                      `yaml:"source"`
	Subject list                      `yaml:"subject"`
	Time    list                      `yaml:"time"`
	By      string                    `yaml:"by"`
	Cases   map[string]attributesSpec `yaml:"cases"`
}

// A list is one string or several.
type list []string

// UnmarshalYAML takes a scalar for a list of one.
func (l *list) UnmarshalYAML(node ast.Node) error {
	if _, ok := node.(*ast.SequenceNode); ok {
		return decodeNode(node, (*[]string)(l))
	}
	var one string
	if err := decodeNode(node, &one); err != nil {
		return err
	}
	*l = list{one}
	return nil
}

// A size is a number of bytes, written 512KiB or 25MiB.
type size int64

var sizeUnits = map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "kB": 1e3, "MB": 1e6}

// UnmarshalYAML refuses what is no size, and more than any bus takes.
func (s *size) UnmarshalYAML(node ast.Node) error {
	var text string
	if err := decodeNode(node, &text); err != nil {
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

// A duration is written as in Go: 5m.
type duration time.Duration

// UnmarshalYAML refuses what time.ParseDuration refuses, and what is not positive.
func (d *duration) UnmarshalYAML(node ast.Node) error {
	var text string
	if err := decodeNode(node, &text); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed <= 0 {
		at := node.GetToken().Position
		return fmt.Errorf("[%d:%d] %q is not a positive duration such as 5m", at.Line, at.Column, text)
	}
	*d = duration(parsed)
	return nil
}
