package infer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/infer"
)

// The first differences are told, the same each time, and that there are others.
func TestTheFirstDifferencesAreTold(t *testing.T) {
	t.Parallel()
	var a, b strings.Builder
	for n := range 250 {
		fmt.Fprintf(&a, `,"k%03d":{"x":1}`, n)
		fmt.Fprintf(&b, `,"k%03d":1`, n)
	}
	document := `{"b":{` + b.String()[1:] + `},"a":{` + a.String()[1:] + `}}`
	const closed = `{"properties":{}}`
	schema := `{"properties":{"a":` + closed + `,"b":` + closed + `%s}}`
	first, more, err := infer.Diff(fmt.Appendf(nil, schema, ""), shapeOf(t, document))
	if err != nil || more || len(first) != 500 || first[0].Path != "/a/k000" || first[499].Path != "/b/k249" {
		t.Fatalf("of 500: %d, more %v, %v", len(first), more, err)
	}
	for range 3 {
		found, more, err := infer.Diff(fmt.Appendf(nil, schema, `,"c":`+closed), shapeOf(t, document[:len(document)-1]+`,"c":{"x":1},"d":1}`))
		if err != nil || !more {
			t.Errorf("of 502: more %v, %v", more, err)
		}
		if diff := cmp.Diff(first, found); diff != "" {
			t.Errorf("of 502 (-want +got):\n%s", diff)
		}
	}
}

// However often a schema names itself, it is held against what arrived at once.
func TestASchemaOfManyWaysIsFollowedOnce(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"child":`, 23) + `{"a":"x"}` + strings.Repeat(`}`, 23)
	down := strings.Repeat("/child", 23)
	var ways strings.Builder // each leads to the next in four ways
	for n := range 60 {
		ref := fmt.Sprintf(`{"$ref":"#/$defs/w%d"}`, n+1)
		fmt.Fprintf(&ways, `"w%d":{"allOf":[%s,%s],"anyOf":[%s,%s]},`, n, ref, ref, ref, ref)
	}
	for name, c := range map[string]struct{ schema, document, want string }{
		"two alternatives": {
			`{"anyOf":[{"properties":{"child":{"$ref":"#"},"a":{"type":"integer"}}},{"properties":{"child":{"$ref":"#"}}}]}`, deep, down + "/a type",
		},
		"alternatives and all": {
			`{"allOf":[{"$ref":"#/$defs/c"},{"properties":{"child":{"$ref":"#"}}}],"oneOf":[{"properties":{"child":{"$ref":"#"},"b":{}}},{"$ref":"#/$defs/c"},{"properties":{}}],` +
				`"$defs":{"c":{"properties":{"child":{"$ref":"#"}}}}}`,
			deep, down + "/a undeclared",
		},
		"itself at one place": {`{"type":"object","anyOf":[{"$ref":"#"},{"$ref":"#"}],"oneOf":[{"$ref":"#"},{"$ref":"#"}]}`, `[]`, " type"},
		"many ways to one":    {`{"$ref":"#/$defs/w0","$defs":{` + ways.String() + `"w60":{"type":"integer"}}}`, `"x"`, " type"},
	} {
		found, more, err := infer.Diff([]byte(c.schema), shapeOf(t, c.document))
		if err != nil || more || len(found) != 1 || found[0].Path+" "+string(found[0].Kind) != c.want {
			t.Errorf("%s: %+v, more %v, %v", name, found, more, err)
		}
	}
}
