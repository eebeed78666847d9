package eventtest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/event"
)

// FuzzBinary reads arbitrary headers, one a line. What is read must be the same after it was
// written and read again, and known to whoever else is asked.
func FuzzBinary(f *testing.F, on event.Binding, known func(t *testing.T, e *event.Event, written []event.Field)) {
	for _, e := range []*event.Event{Order(), Smallest()} {
		f.Add(lines(e.Headers(on)), e.Data)
	}
	f.Add("ce-specversion=1.0\nce_specversion=1.0\nce-id=%\nce_id=\xff\nce-id=2\nCE-Time=2026-01-02T03:04:05+24:00", []byte{})
	f.Add("Content-Type=application/cloudevents+json\nce-specversion=1.0", []byte(`{"specversion":"1.0","id":"1","source":"s","type":"t"}`))
	f.Fuzz(func(t *testing.T, headers string, data []byte) {
		e, _, err := event.Read(on, event.Fields(Fields(headers)), data)
		if err != nil {
			if !errors.Is(err, event.ErrNotCloudEvent) {
				t.Fatal(err)
			}
			return
		}
		if SaysStructured(e.DataContentType) {
			return // such a type is not written as it is
		}
		want, written := Untyped(&e), e.Headers(on)
		again, err := event.FromBinary(on, event.Fields(written), e.Data)
		if diff := cmp.Diff(want, again); err != nil || diff != "" {
			t.Fatalf("read again: %v %s", err, diff)
		}
		if diff := cmp.Diff(written, again.Headers(on)); diff != "" {
			t.Fatalf("written again: %s", diff)
		}
		if known != nil {
			known(t, &e, written)
		}
	})
}

// SaysStructured reports whether a type of data is not written as it is.
func SaysStructured(contentType string) bool {
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(contentType)), "application/cloudevents")
}

func lines(fields []event.Field) string {
	var all []string
	for _, f := range fields {
		all = append(all, f.Name+"="+f.Value)
	}
	return strings.Join(all, "\n")
}

// Fields are headers that stand in lines.
func Fields(lines string) (all []event.Field) {
	for line := range strings.SplitSeq(lines, "\n") {
		name, value, _ := strings.Cut(line, "=")
		all = append(all, event.Field{Name: name, Value: value})
	}
	return all
}
