package event_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/event"
)

// forbidden is what a CloudEvents String never holds.
var forbidden = map[string]string{
	"NUL": "\x00", "tab": "\t", "line feed": "\n", "DEL": "\x7f", "C1": "\u0080", "next line": "\u0085", "last of C1": "\u009f",
	"U+FFFE": "\ufffe", "U+FFFF": "\uffff", "U+FDD0": "\ufdd0", "U+FDEF": "\ufdef", "U+1FFFE": "\U0001fffe", "U+10FFFF": "\U0010ffff",
	"lone byte": "\xff", "lone continuation": "\x80", "cut short": "\xe2\x82", "overlong": "\xc0\xa0", "overlong slash": "\xe0\x80\xaf",
	"surrogate": "\xed\xa0\x80", "beyond Unicode": "\xf4\x90\x80\x80",
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	for name, v := range forbidden {
		for _, text := range []string{v, "a" + v, v + "a", "é" + v + "é"} {
			if event.Allowed(text) {
				t.Errorf("%s: %q is allowed", name, text)
			}
			if clean := event.Clean(text); !event.Allowed(clean) || !strings.Contains(clean, "_") {
				t.Errorf("%s: %q is cleaned to %q", name, text, clean)
			}
		}
	}
	for _, v := range []string{"", "a b", "~", "\u00a0", "é", "\ufffd", "\ufdcf", "\ufdf0", "\ufeff", "\U0001fffd", "😀", "\ue000", "\u2028"} {
		if !event.Allowed(v) || event.Clean(v) != v {
			t.Errorf("%q is not allowed", v)
		}
	}
}

// No attribute of an event that is read holds what it may not, in whatever way it was written.
func TestNoDoorTakesWhatIsNotAllowed(t *testing.T) {
	t.Parallel()
	for what, bad := range forbidden {
		escaped := ""
		for i := range len(bad) {
			escaped += fmt.Sprintf("%%%02X", bad[i])
		}
		for _, attribute := range []string{"id", "source", "type", "subject", "dataschema", "myext"} {
			value := map[string]string{"specversion": "1.0", "id": "1", "source": "s", "type": "t"}
			for _, encoded := range []string{bad, escaped} {
				value[attribute] = "a" + encoded + "b"
				for on, b := range bindings {
					if b == event.Kafka && encoded == escaped { // means what it says
						continue
					}
					var list []event.Field
					for name, v := range value {
						list = append(list, event.Field{Name: []string{"ce-", "ce-", "ce_"}[b] + name, Value: v})
					}
					refused(t, on+": "+what+" in "+attribute, func() (event.Event, []event.Flaw, error) {
						return event.Read(b, event.Fields(list), nil)
					})
				}
			}
			value[attribute] = "a" + bad + "b"
			doc := fmt.Sprintf(`{"specversion":"1.0","id":"%s","source":"%s","type":"%s","subject":"%s","dataschema":"%s","myext":"%s"}`,
				value["id"], value["source"], value["type"], value["subject"], value["dataschema"], value["myext"])
			if bad < " " {
				doc = strings.ReplaceAll(doc, bad, fmt.Sprintf(`\u%04x`, bad[0]))
			}
			structured := event.Fields([]event.Field{{Name: "content-type", Value: event.StructuredType}})
			refused(t, "structured: "+what+" in "+attribute, func() (event.Event, []event.Flaw, error) {
				return event.Read(event.HTTP, structured, []byte(doc))
			})
			refused(t, "batch: "+what+" in "+attribute, func() (event.Event, []event.Flaw, error) {
				_, err := event.UnmarshalBatch([]byte("[" + doc + "]"))
				return event.Event{}, nil, err
			})
		}
	}
}

func refused(t *testing.T, what string, read func() (event.Event, []event.Flaw, error)) {
	t.Helper()
	e, flaws, err := read()
	if err == nil {
		err = event.Refuse(e, flaws)
	}
	if !errors.Is(err, event.ErrNotCloudEvent) {
		t.Errorf("%s: %+v, %v", what, e, err)
	}
	if err != nil && !event.Allowed(err.Error()) {
		t.Errorf("%s: the error cannot be printed: %q", what, err)
	}
}

func TestHalfOfASurrogatePairIsNoText(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		`\ud83d\ude00`: true, `\\ud83d`: true, `\u00e9`: true, `\ufffd`: true,
		`\ud83d`: false, `\ude00`: false, `\ud83d\ud83d`: false, `\ud83dx`: false, `\ude00\ud83d`: false, `\ud83d\n`: false, `\uDBFF\u0041`: false, `\\\ud83d`: false,
	} {
		_, err := event.UnmarshalStructured([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","x":"` + text + `"}`))
		if (err == nil) != ok {
			t.Errorf("extension %s: %v", text, err)
		}
		_, err = event.UnmarshalStructured([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/plain","data":"` + text + `"}`))
		if (err == nil) != ok {
			t.Errorf("text %s: %v", text, err)
		}
	}
}

func TestTimesAsSendersWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2026-01-02T03:04:05Z":           "2026-01-02T03:04:05Z",
		"2026-01-02t03:04:05z":           "2026-01-02T03:04:05Z",
		"2026-01-02t03:04:05.120+02:00":  "2026-01-02T03:04:05.12+02:00",
		"2016-12-31T23:59:60Z":           "2017-01-01T00:00:00Z",
		"2016-12-31T23:59:60.5z":         "2017-01-01T00:00:00.5Z",
		"2016-12-31T15:59:60-08:00":      "2016-12-31T16:00:00-08:00",
		"2017-01-01T05:29:60.000+05:30":  "2017-01-01T05:30:00+05:30",
		"2026-01-02T03:04:05-00:00":      "2026-01-02T03:04:05Z",
		"2016-12-31T23:58:60Z":           "",
		"2016-12-31T23:59:61Z":           "",
		"2016-12-31T23:59:60+01:00":      "",
		"9999-12-31T23:59:60Z":           "",
		"2026-01-02T03:04:05":            "",
		"2026-01-02 03:04:05Z":           "",
		"2026-01-02T03:04:05+0000":       "",
		"2026-01-02T03:04:05,5Z":         "",
		"2026-01-02T3:04:05Z":            "",
		"2026-01-02T03:04:05.Z":          "",
		"2026-01-02T03:04:05+24:00":      "",
		"2026-02-30T03:04:05Z":           "",
		"2026-01-02T24:00:00Z":           "",
		"2026-01-02T03:04:05Zulu":        "",
		"2026-01-02T03:04:05+01:00[CET]": "",
		"２026-01-02T03:04:05Z":           "",
	} {
		e, err := event.UnmarshalStructured([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","time":"` + text + `"}`))
		got := ""
		if err == nil {
			got = e.Time.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// What was cut is marked, is never cut again, and is told apart from what begins alike.
func TestShort(t *testing.T) {
	t.Parallel()
	for _, whole := range []string{"", "a", strings.Repeat("a", event.MaxShort)} {
		if got := event.Short(whole); got != whole {
			t.Errorf("%q is cut to %q", whole, got)
		}
	}
	seen := map[string]bool{}
	for _, long := range []string{strings.Repeat("a", event.MaxShort+1), strings.Repeat("a", event.MaxShort) + "b", strings.Repeat("ü", 5000), "x" + strings.Repeat("😀", 5000)} {
		got := event.Short(long)
		begin, _, marked := strings.Cut(got, "…")
		if !marked || !strings.HasPrefix(long, begin) || len(got) > event.MaxShort || len(got) < event.MaxShort-4 || !event.Allowed(got) || event.Short(got) != got || seen[got] {
			t.Errorf("%.20q… is cut to %q", long, got)
		}
		seen[got] = true
		e := event.Event{ID: long}
		if !e.HasID(long) || !e.HasID(got) || e.HasID(begin) {
			t.Errorf("an event with this id: %v, %v, %v", e.HasID(long), e.HasID(got), e.HasID(begin))
		}
	}
}
