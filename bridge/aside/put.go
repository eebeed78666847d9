package aside

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/bridge/delivery"
	"github.com/hookspan/hookspan/bridge/event"
)

const (
	// headRoom is more than what a cut letter has in a message beside data.
	headRoom = 64 << 10
	// foreignMost is what its extensions may take that were not set for the letter.
	foreignMost = 8 << 10
	dataLeast   = 4 << 10 // a shorter beginning of the data is not worth a try
)

// A Letter is an event to be set aside.
type Letter struct {
	Topic string
	Event *event.Event
	Key   string // bus.PublishOptions.Key
	Place string // where the event lies whole
}

// Put publishes a letter. What the bus does not take whole is cut short: long attributes, and as much
// of the data as has to be. An error that is bus.ErrTooLarge says that it took nothing.
func Put(ctx context.Context, p bus.Publisher, l Letter) (cut bool, err error) {
	publish := func(e *event.Event) error {
		_, err := p.Publish(ctx, l.Topic, e, bus.PublishOptions{Reserved: true, Key: l.Key})
		return err
	}
	l.Event = unmarked(l.Event)
	if err = publish(l.Event); !errors.Is(err, bus.ErrTooLarge) {
		return false, err
	}
	for _, most := range dataRooms(p.MaxBytes()) {
		e := l.short(most)
		if e == nil {
			continue
		}
		if err = publish(e); !errors.Is(err, bus.ErrTooLarge) {
			return true, err
		}
	}
	return false, err
}

// dataRooms are how much of the data is tried, on a bus that takes messages of this size: one topic
// may take less than others.
func dataRooms(message int64) (rooms []int) {
	for most := message - headRoom; most >= dataLeast; most /= 4 {
		rooms = append(rooms, int(most))
	}
	return append(rooms, 0)
}

// unmarked is an event that does not say of itself that it was cut.
func unmarked(e *event.Event) *event.Event {
	whole := *e
	whole.Extensions = slices.DeleteFunc(slices.Clone(e.Extensions), func(x event.Extension) bool {
		return x.Name == delivery.ExtensionCutAttributes || x.Name == delivery.ExtensionCutData
	})
	return &whole
}

// short is the letter with so much of its data at the most; nil where that would be the whole letter.
func (l *Letter) short(data int) *event.Event {
	was := l.Event
	e := &event.Event{
		ID: event.Short(was.ID), Source: shortSource(was.Source), Type: event.Short(was.Type), Subject: event.Short(was.Subject),
		Time: was.Time, DataContentType: was.DataContentType, DataSchema: was.DataSchema, Data: was.Data,
		Extensions: shortExtensions(was.Extensions),
	}
	if len(e.DataContentType) > event.MaxShort {
		e.DataContentType = ""
	}
	if len(e.DataSchema) > event.MaxShort {
		e.DataSchema = ""
	}
	size := attributesSize(was)
	cutHead, cutData := attributesSize(e) < size, len(was.Data) > data
	if !cutHead && !cutData {
		return nil
	}
	if cutHead {
		e.Extensions = append(e.Extensions, sizeMark(delivery.ExtensionCutAttributes, size))
	}
	if cutData {
		e.Extensions = append(e.Extensions, sizeMark(delivery.ExtensionCutData, len(was.Data)))
		e.Data, e.DataContentType, e.DataSchema = beginning(was.Data, data)
	}
	detail := "it is too large to be kept whole, and cut short"
	if said := e.Extension(delivery.ExtensionDetail); said != "" {
		detail = said + "; " + detail
	}
	e.SetExtension(delivery.ExtensionDetail, detail)
	e.SetExtension(delivery.ExtensionPlace, event.Clean(l.Place))
	return e
}

// shortSource is a URI reference again.
func shortSource(source string) string {
	short := event.Short(source)
	if short == source || event.IsReference(short) {
		return short
	}
	return "/" + short[strings.LastIndex(short, "…"):]
}

// shortExtensions are those that were set for the letter, and of the others as many as there is room for.
func shortExtensions(all []event.Extension) []event.Extension {
	kept, room := make([]event.Extension, 0, len(all)+4), foreignMost
	for _, x := range all {
		if len(x.Value) > event.MaxShort && x.Name != delivery.ExtensionTopic { // which leads back
			x.Value, x.Kind = event.Short(x.Value), event.String
		}
		if !delivery.SetAside(x.Name) && x.Name != tenant {
			size := len(x.Name) + len(x.Value)
			if size > room {
				continue
			}
			room -= size
		}
		kept = append(kept, x)
	}
	return kept
}

// attributesSize is how many bytes an event's attributes have.
func attributesSize(e *event.Event) (size int) {
	e.Attributes(func(name, value string, _ event.Kind) { size += len(name) + len(value) })
	return size
}

func sizeMark(name string, bytes int) event.Extension {
	return event.Extension{Name: name, Value: strconv.Itoa(bytes), Kind: event.Integer}
}

// beginning are the first bytes of data, without half a character at their end, and what they are: no
// document any more.
func beginning(data []byte, most int) (some []byte, contentType, schema string) {
	for n := most; n > most-utf8.UTFMax && n > 0; n-- {
		if utf8.RuneStart(data[n]) {
			most = n
			break
		}
	}
	switch some = data[:most]; {
	case most == 0:
		return nil, "", ""
	case utf8.Valid(some):
		return some, "text/plain; charset=utf-8", ""
	}
	return some, "application/octet-stream", ""
}
