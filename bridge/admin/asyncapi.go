package admin

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/asyncapi"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

const endpointsDescribed = 100

// asyncAPI describes what runs here, with every type that a list of types has.
func (a *api) asyncAPI(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err(); err != nil {
		return err
	}
	c, err := a.catalogue(r.Context(), seenWithin, "")
	if err != nil {
		return err
	}
	here := a.Here
	for _, in := range a.intakes() {
		here.Sources = append(here.Sources, asyncapi.Source{Name: in.Source, Provider: in.Provider, Topic: in.Topic, Method: in.Method, URL: in.URL})
	}
	types := c.sorted()
	for _, v := range types {
		here.Types = append(here.Types, a.described(v))
	}
	here.Endpoints, here.MoreEndpoints = a.describedEndpoints(types)
	text, err := asyncapi.Describe(&here)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, json.RawMessage(text))
}

// described is the type with what is known of its data without a look at what is stored.
func (a *api) described(v *typeView) asyncapi.Type {
	t := asyncapi.Type{Name: v.Type, Provider: v.Provider, Topics: v.Topics}
	if declared := a.declared(v.Type); declared != nil {
		t.SchemaName, t.Schema = declared.Name, declared.Document
	}
	if v.sample != nil {
		t.ContentType, t.Example = v.sample.DataContentType, v.sample.Data
	} else if len(v.ContentTypes) == 1 {
		t.ContentType = v.ContentTypes[0]
	}
	return t
}

// describedEndpoints are those with the first names, and how many there are besides.
func (a *api) describedEndpoints(types []*typeView) (described []asyncapi.Endpoint, more int) {
	all := slices.Clone(a.Registry.Set().All())
	all = slices.DeleteFunc(all, func(e *endpoint.Endpoint) bool { return e.State == endpoint.Removed })
	slices.SortFunc(all, func(x, y *endpoint.Endpoint) int { return strings.Compare(x.Name, y.Name) })
	if more = max(0, len(all)-endpointsDescribed); more > 0 {
		all = all[:endpointsDescribed]
	}
	for _, e := range all {
		d := asyncapi.Endpoint{Name: e.Name, Content: e.Content, Signature: e.Signature, Made: !e.Transform.IsZero()}
		for _, v := range types {
			topics := v.Topics
			if v.MoreTopics {
				topics = nil
			}
			if takes, _ := e.Interest(v.Type, topics); takes {
				d.Types = append(d.Types, v.Type)
			}
		}
		described = append(described, d)
	}
	return described, more
}
