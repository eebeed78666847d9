package cesql_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/hookspan/hookspan/bridge/cesql"
)

// A suite is one file of the conformance cases.
type suite struct {
	Name  string
	Tests []conformance
}

type conformance struct {
	Name       string
	Expression string
	Result     any
	Error      cesql.ErrorKind
	Event      attributes
	Overrides  attributes `yaml:"eventOverrides"`
}

// attributes are those of an event, as JSON has them.
type attributes map[string]any

func (a attributes) Attribute(name string) (cesql.Value, bool) {
	switch v := a[name].(type) {
	case nil:
		return cesql.Value{}, false
	case bool:
		return cesql.Truth(v), true
	case uint64:
		return cesql.Number(int32(v)), true
	default:
		return cesql.Text(fmt.Sprint(v)), true
	}
}

// conformanceCases are how many there are in testdata/tck.
const conformanceCases = 275

// The conformance cases of the specification: testdata/tck/NOTICE says where they come from.
func TestConformance(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/tck/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s suite
		if err := yaml.Unmarshal(text, &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range s.Tests {
			cases++
			c.hold(t, s.Name)
		}
	}
	if cases != conformanceCases {
		t.Errorf("%d cases, want %d", cases, conformanceCases)
	}
}

func (c *conformance) hold(t *testing.T, suite string) {
	t.Helper()
	complain := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s, %s: %s: %s", suite, c.Name, c.Expression, fmt.Sprintf(format, args...))
	}
	if c.Event == nil {
		c.Event = attributes{"specversion": "1.0", "id": "1", "source": "/here", "type": "com.example"}
	}
	maps.Copy(c.Event, c.Overrides)
	x, err := cesql.Parse(c.Expression)
	if kind := kindOf(err); kind != "" || c.Error == cesql.ParseError {
		if kind != c.Error {
			complain("parse: %v, want error %q", err, c.Error)
		}
		return
	}
	budget := cesql.Steps
	v, err := x.Evaluate(c.Event, &budget)
	if kind := kindOf(err); kind != c.Error {
		complain("error %v, want %q", err, c.Error)
	}
	want := c.Result
	if n, ok := want.(uint64); ok {
		want = int64(n)
	}
	got := v.Any()
	if n, ok := got.(int32); ok {
		got = int64(n)
	}
	if got != want {
		complain("%#v, want %#v", got, want)
	}
	if k := x.Kind(); k != 0 && k != v.Kind() {
		complain("yields a %v, and says that it is a %v", v.Kind(), k)
	}
}

func kindOf(err error) cesql.ErrorKind {
	var e *cesql.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}
