package eventtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"

	"github.com/hookspan/hookspan/bridge/event"
)

// ToSDK returns the event as the CloudEvents SDK for Go has it; the data is shared. It
// fails when source or dataschema is no URI.
func ToSDK(e *event.Event) (cloudevents.Event, error) {
	c := &cloudevents.EventContextV1{ID: e.ID, Type: e.Type}
	source := types.ParseURIRef(e.Source)
	if source == nil {
		return cloudevents.Event{}, fmt.Errorf("attribute source %q is no URI reference", e.Source)
	}
	c.Source = *source
	if e.DataSchema != "" {
		if c.DataSchema = types.ParseURI(e.DataSchema); c.DataSchema == nil {
			return cloudevents.Event{}, fmt.Errorf("attribute dataschema %q is no URI", e.DataSchema)
		}
	}
	if e.Subject != "" {
		c.Subject = &e.Subject
	}
	if e.DataContentType != "" {
		c.DataContentType = &e.DataContentType
	}
	if !e.Time.IsZero() {
		c.Time = &types.Timestamp{Time: e.Time}
	}
	for i := range e.Extensions {
		x := &e.Extensions[i]
		if err := c.SetExtension(x.Name, sdkValue(x)); err != nil {
			return cloudevents.Event{}, fmt.Errorf("extension %s: %w", x.Name, err)
		}
	}
	return cloudevents.Event{Context: c, DataEncoded: e.Data}, nil
}

func sdkValue(x *event.Extension) any {
	switch x.Kind {
	case event.Integer:
		if n, err := strconv.ParseInt(x.Value, 10, 32); err == nil {
			return int32(n)
		}
	case event.Boolean:
		if v, err := strconv.ParseBool(x.Value); err == nil {
			return v
		}
	}
	return x.Value
}

// ReadSDK returns an event of the CloudEvents SDK for Go as Hookspan has it; the data is
// shared. Binary, time and URI extensions become strings in their canonical form.
func ReadSDK(s cloudevents.Event) (event.Event, error) {
	if err := s.Validate(); err != nil {
		return event.Event{}, fmt.Errorf("%w: %w", event.ErrNotCloudEvent, err)
	}
	e := event.Event{
		ID:              s.ID(),
		Source:          s.Source(),
		Type:            s.Type(),
		Subject:         s.Subject(),
		Time:            s.Time(),
		DataContentType: s.DataContentType(),
		DataSchema:      s.DataSchema(),
		Data:            s.Data(),
	}
	for name, value := range s.Extensions() {
		x := event.Extension{Name: name}
		switch value.(type) {
		case int32:
			x.Kind = event.Integer
		case bool:
			x.Kind = event.Boolean
		}
		var err error
		if x.Value, err = types.Format(value); err != nil {
			return event.Event{}, fmt.Errorf("extension %s: %w", name, err)
		}
		e.Extensions = append(e.Extensions, x)
	}
	slices.SortFunc(e.Extensions, func(a, b event.Extension) int { return strings.Compare(a.Name, b.Name) })
	return e, nil
}
