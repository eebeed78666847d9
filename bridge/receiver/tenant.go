package receiver

import (
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme/pointer"
	"github.com/hookspan/hookspan/bridge/tenant"
)

// A tenancy says whose a source's events are. The zero value leaves that to the events.
type tenancy struct {
	fixed   string
	header  string
	pointer pointer.One
}

var errTenancy = errors.New("want a tenant's name, header:Name or a JSON pointer such as /data/partner_org_id")

func parseTenancy(text string) (tenancy, error) {
	name, isHeader := headerIn(text)
	switch {
	case name != "":
		return tenancy{header: name}, nil
	case isHeader:
		return tenancy{}, errTenancy
	case strings.HasPrefix(text, "/"):
		one, err := pointer.ParseOne(text)
		return tenancy{pointer: one}, err
	}
	fixed, flaw := tenant.Name(text)
	if flaw != "" {
		return tenancy{}, errors.New(flaw + "; " + errTenancy.Error())
	}
	return tenancy{fixed: fixed}, nil
}

// decides: the source's setting says whose its events are, whatever they carry themselves.
func (t *tenancy) decides() bool { return t.fixed != "" || t.header != "" || t.pointer.Given() }

// of is whose an event is, "" for nobody's; a flaw says why what was found is no tenant.
func (t *tenancy) of(x *exchange, e *provider.Event) (name, flaw string) {
	switch {
	case t.header != "":
		return tenant.One(x.header(t.header))
	case t.pointer.Given():
		return tenant.Value(t.pointer.In(e.Data))
	}
	return t.fixed, ""
}

// ascribe writes on an event whose it is. A sender cannot choose by the extension: where the source
// finds no tenant, it is taken away.
func (r *Receiver) ascribe(x *exchange, e *provider.Event) {
	t := &x.source.tenancy
	if !t.decides() {
		return
	}
	name, flaw := t.of(x, e)
	if flaw != "" {
		x.source.dropped.Inc()
		r.note(x, e, slog.LevelWarn, "tenant left out", slog.String("attribute", tenant.Attribute), slog.String("detail", flaw))
	}
	if name == "" {
		e.Extensions = slices.DeleteFunc(e.Extensions, func(x event.Extension) bool { return x.Name == tenant.Attribute })
		return
	}
	e.SetExtension(tenant.Attribute, name)
}
