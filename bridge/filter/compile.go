package filter

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hookspan/hookspan/bridge/cesql"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/jq"
	"github.com/hookspan/hookspan/bridge/setting"
)

// The dialects.
const (
	dialectExact  = "exact"
	dialectPrefix = "prefix"
	dialectSuffix = "suffix"
	dialectAll    = "all"
	dialectAny    = "any"
	dialectNot    = "not"
	dialectSQL    = "sql"
	dialectJQ     = "jq"
)

const dialects = "exact, prefix, suffix, all, any, not, sql, jq"

// A filter is one of a list.
type filter struct {
	dialect string
	path    string      // [1].sql
	pairs   []attribute // of exact, prefix and suffix
	filters []*filter   // of all and any; of not there is one
	sql     *cesql.Expression
	jq      *jq.Expression
}

// An attribute and what it is held against.
type attribute struct{ name, value string }

// A compiler gathers what is wrong.
type compiler struct {
	left   int // how many more filters there may be
	faults []setting.Fault
}

func (c *compiler) fault(path, format string, args ...any) {
	c.faults = append(c.faults, setting.Fault{Field: path, Message: fmt.Sprintf(format, args...)})
}

func (c *compiler) list(path string, raw []json.RawMessage, depth int) []*filter {
	list := make([]*filter, 0, len(raw))
	for i := range raw {
		if f := c.filter(path+"["+strconv.Itoa(i)+"]", raw[i], depth); f != nil {
			list = append(list, f)
		}
	}
	return list
}

// filter compiles one; nil where that is not possible.
func (c *compiler) filter(path string, raw json.RawMessage, depth int) *filter {
	switch c.left--; {
	case c.left == -1:
		c.fault("", "has more than %d filters, nested ones too", maxFilters)
		return nil
	case c.left < 0:
		return nil
	case depth > maxDepth:
		c.fault(path, "is nested more than %d deep", maxDepth)
		return nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || len(members) != 1 {
		c.fault(path, "must be an object with one dialect: %s", dialects)
		return nil
	}
	f := &filter{}
	for dialect := range members {
		f.dialect, raw = dialect, members[dialect]
	}
	f.path = path + "." + f.dialect
	switch f.dialect {
	case dialectExact, dialectPrefix, dialectSuffix:
		f.pairs = c.pairs(f.path, raw)
	case dialectAll, dialectAny:
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil || len(list) == 0 {
			c.fault(f.path, "must be a list of at least one filter")
			return nil
		}
		f.filters = c.list(f.path, list, depth+1)
	case dialectNot:
		if one := c.filter(f.path, raw, depth+1); one != nil {
			f.filters = []*filter{one}
		}
	case dialectSQL:
		f.sql = c.sql(f.path, raw)
	case dialectJQ:
		f.jq = c.jq(f.path, raw)
	default:
		c.fault(path, "has no dialect that is known; give one of %s", dialects)
	}
	return f
}

func (c *compiler) pairs(path string, raw json.RawMessage) []attribute {
	var members map[string]*string
	if json.Unmarshal(raw, &members) != nil || len(members) == 0 {
		c.fault(path, "must be an object of at least one attribute and the text that it is held against")
		return nil
	}
	pairs := make([]attribute, 0, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value := members[name]
		switch {
		case !event.IsAttributeName(name):
			c.fault(path, "%.40q is no attribute: names have small letters and digits alone, and the data is none", name)
		case value == nil || *value == "":
			c.fault(path+"."+name, "must be a text that is not empty")
		case len(*value) > maxValue:
			c.fault(path+"."+name, "is longer than %d bytes", maxValue)
		default:
			pairs = append(pairs, attribute{name, *value})
		}
	}
	return pairs
}

func (c *compiler) jq(path string, raw json.RawMessage) *jq.Expression {
	var text *string
	if json.Unmarshal(raw, &text) != nil || text == nil {
		c.fault(path, "must be a text, a jq expression")
		return nil
	}
	x, err := jq.Compile(*text)
	if err != nil {
		c.fault(path, "%v", err)
		return nil
	}
	return x
}

// sql also refuses what would fail or be no boolean whatever the event.
func (c *compiler) sql(path string, raw json.RawMessage) *cesql.Expression {
	var text *string
	if json.Unmarshal(raw, &text) != nil || text == nil {
		c.fault(path, "must be a text, a CloudEvents SQL expression")
		return nil
	}
	x, err := cesql.Parse(*text)
	if err != nil {
		c.fault(path, "%v", err)
		return nil
	}
	if unknown := x.Unknown(); unknown != nil {
		c.fault(path, "%v", unknown)
		return nil
	}
	if k := x.Kind(); k != 0 && k != cesql.Boolean {
		c.fault(path, "at 1: yields %s; want an expression that is true or false", map[cesql.Kind]string{cesql.Integer: "an integer", cesql.String: "a text"}[k])
		return nil
	}
	return x
}
