package filter

import (
	"errors"
	"strconv"
	"strings"

	"github.com/hookspan/hookspan/bridge/cesql"
	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/jq"
)

// A judging is of one event by one list: what its expressions may still take all together, and what
// they see.
type judging struct {
	event *event.Event
	sql   cesql.Budget
	jq    jq.Budget
	view  *any // jq's; nil until the first one looks
}

func (j *judging) input() any {
	if *j.view == nil {
		*j.view = jq.Input(j.event)
	}
	return *j.view
}

// holds evaluates a filter. What follows one that decides is not evaluated.
func (f *filter) holds(j *judging) (bool, error) {
	switch f.dialect {
	case dialectAll, dialectAny:
		decides := f.dialect == dialectAny
		for _, one := range f.filters {
			if ok, err := one.holds(j); err != nil || ok == decides {
				return ok, err
			}
		}
		return !decides, nil
	case dialectNot:
		ok, err := f.filters[0].holds(j)
		return err == nil && !ok, err
	case dialectSQL:
		return f.evaluate(j)
	case dialectJQ:
		v, ok, err := f.jq.First(j.input(), &j.jq)
		if err != nil {
			return false, &filterError{f.path, err}
		}
		return ok && jq.Truth(v), nil
	}
	for i := range f.pairs {
		p := &f.pairs[i]
		value, _, ok := j.event.Attribute(p.name)
		if !ok || !f.fits(value, p.value) {
			return false, nil
		}
	}
	return true, nil
}

// fits: an attribute that the event does not have fits nothing.
func (f *filter) fits(value, want string) bool {
	switch f.dialect {
	case dialectPrefix:
		return strings.HasPrefix(value, want)
	case dialectSuffix:
		return strings.HasSuffix(value, want)
	}
	return value == want
}

var errNoBoolean = errors.New("at 1: yields no boolean; a text that says true or false becomes one by BOOL(…)")

func (f *filter) evaluate(j *judging) (bool, error) {
	v, err := f.sql.Evaluate((*attributes)(j.event), &j.sql)
	if err == nil && v.Kind() != cesql.Boolean {
		err = errNoBoolean
	}
	if err != nil {
		return false, &filterError{f.path, err}
	}
	return v.IsTrue(), nil
}

// attributes are those of an event, as expressions see them.
type attributes event.Event

// Attribute implements cesql.Attributes.
func (a *attributes) Attribute(name string) (cesql.Value, bool) {
	value, kind, ok := (*event.Event)(a).Attribute(name)
	if !ok {
		return cesql.Value{}, false
	}
	switch kind {
	case event.Integer:
		if n, err := strconv.ParseInt(value, 10, 32); err == nil {
			return cesql.Number(int32(n)), true
		}
	case event.Boolean:
		if value == "true" || value == "false" {
			return cesql.Truth(value == "true"), true
		}
	}
	return cesql.Text(value), true
}
