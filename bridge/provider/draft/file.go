package draft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hookspan/hookspan/bridge/provider"
	"github.com/hookspan/hookspan/bridge/scheme"
)

// write makes the file, and its vectors where the request is proven.
func (d *drafting) write() error {
	name := d.Provider + ".yaml"
	sample := d.sample()
	d.Text = []byte(d.file(sample))
	p, err := d.catalog.Read(name, d.Text)
	if sample != "" && (err != nil || !d.sampled(p)) { // a body that YAML does not hold as it is
		sample = ""
		d.Text = []byte(d.file(""))
		p, err = d.catalog.Read(name, d.Text)
	}
	switch {
	case err != nil:
		return fmt.Errorf("the drafted file does not load: %w", err)
	case sample == "":
		d.note(NotFound, "samples: the body is not a text that can stand in the file")
	case d.Proven:
		return d.writeVectors(p)
	}
	return nil
}

// file is the text, from top to bottom.
func (d *drafting) file(sample string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Drafted from one request. What is guessed was read off that request: hold it against the vendor's documents, and\n"+
		"# move what they say from unverified to verified. hookspan provider test runs the vectors in vectors/%s.json.\n", d.Provider)
	fmt.Fprintf(&b, "name: %s\ntitle: %s\n", quote(d.Provider), quote(strings.ToUpper(d.Provider[:1])+d.Provider[1:]))
	b.WriteString("unverified:\n")
	for _, note := range d.Notes {
		if note.Rests != NotFound {
			fmt.Fprintf(&b, "  - %s\n", quote(string(note.Rests)+": "+note.Text))
		}
	}
	b.WriteString("  - \"Whether deliveries have other forms than this one, how often they are repeated, and which answer is success\"\n")
	fmt.Fprintf(&b, "secrets: %s\n", quote("the secret that is shared with "+d.Provider))
	if media := scheme.MediaOf(d.request.Header.Get("Content-Type")); media != "" && readable(media) && !d.reveals(media) {
		fmt.Fprintf(&b, "media_types: %s\n", quote(media))
	}
	b.WriteString(d.methods())
	switch {
	case d.Proven:
		b.WriteString("# Proven: with a secret that was given, the request is genuine this way.\n")
	case d.found:
		b.WriteString("# Guessed: give the secret to hookspan provider new, and it tries what is signed.\n")
	default:
		b.WriteString("# Not found: say here how the sender signs.\n")
	}
	b.WriteString("verify:\n" + d.way.verify())
	if d.way.time != "" {
		fmt.Fprintf(&b, "# The time of sending, which is signed: what is older is refused. Guessed: the tolerance.\nfreshness: {time: %s, tolerance: 5m}\n", quote(d.way.time))
	}
	d.writeEvent(&b)
	b.WriteString(sample)
	return b.String()
}

// methods is the line of a delivery that does not come by POST.
func (d *drafting) methods() string {
	if m := d.request.Method; m != "" && m != "POST" && plain(m) {
		return "methods: " + quote(m) + "\n"
	}
	return ""
}

func (d *drafting) writeEvent(b *strings.Builder) {
	e := &d.event
	fmt.Fprintf(b, "event:\n  prefix: com.%s\n", d.Provider)
	if e.body != "json" {
		fmt.Fprintf(b, "  body: %s\n", e.body)
	}
	if e.whole {
		b.WriteString("  whole: true # guessed: the elements of the body are the events\n")
	}
	for _, one := range []struct{ name, from, missing string }{
		{"id", e.id, "without it an event is known by a hash of what was signed"},
		{"type", e.kind, "without it all events have the type com." + d.Provider},
		{"time", e.time, "without it an event has the time at which it came"},
		{"subject", e.subject, "without it events have none"},
	} {
		if one.from == "" {
			fmt.Fprintf(b, "  # %s: not found; %s\n", one.name, one.missing)
			continue
		}
		value, _ := d.value(one.from)
		if d.reveals(value) {
			value = ""
		}
		fmt.Fprintf(b, "  %s: %s # guessed: it was %s\n", one.name, quote(one.from), shown(value))
	}
}

// shown is a value in a comment: ASCII on one line.
func shown(value string) string {
	const long = 60
	if len(value) > long {
		value = value[:long] + "…"
	}
	return strconv.QuoteToASCII(value)
}

// quote writes a text for YAML, of which a string of JSON is one.
func quote(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return `""` // a string can be written
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// maxSample is the largest body that becomes a sample.
const maxSample = 8 << 10

// sample is the section for samples: the request with a fresh id and time. It is "" where the body
// is not a text that can stand there.
func (d *drafting) sample() string {
	body := string(d.request.Body)
	if len(body) > maxSample || !utf8.ValidString(body) || strings.Contains(body, "${") || strings.ContainsFunc(body, unprintable) || d.reveals(body) {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# The request as it came: take out what is personal, and write ${uuid} for the id.\nsamples:\n  - type: %s\n", quote(d.sampleType()))
	lines := ""
	for _, name := range d.sampleHeaders() {
		if value := d.sampleValue(name); value != "" && !strings.ContainsFunc(value, unprintable) && !d.reveals(value) {
			lines += "      " + quote(name) + ": " + quote(value) + "\n"
		}
	}
	if lines != "" {
		b.WriteString("    headers:\n" + lines)
	}
	if strings.ContainsAny(body, "\r\n\t") || strings.TrimSpace(body) != body || body == "" {
		fmt.Fprintf(&b, "    body: %s\n", quote(body))
	} else {
		fmt.Fprintf(&b, "    body: |\n      %s\n", body)
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\r' && r != '\t' }

func (d *drafting) sampleType() string {
	if kind, ok := d.value(d.event.kind); ok && readable(kind) && !d.reveals(kind) {
		return kind
	}
	return "sample"
}

// sampleHeaders are those that mean something: the Content-Type, and what attributes and signature name.
func (d *drafting) sampleHeaders() []string {
	names := []string{"Content-Type"}
	add := func(ref string) {
		if name, ok := strings.CutPrefix(ref, "header:"); ok && name != d.way.header {
			for _, there := range names {
				if there == name {
					return
				}
			}
			names = append(names, name)
		}
	}
	for _, ref := range []string{d.event.id, d.event.kind, d.event.time, d.way.time} {
		add(ref)
	}
	for _, part := range strings.FieldsFunc(d.way.content, func(r rune) bool { return r == '{' || r == '}' }) {
		add(part)
	}
	return names
}

// sampleValue is what a header of the sample holds; ids and times are fresh in each.
func (d *drafting) sampleValue(name string) string {
	value, ref := first(d.request.Header[name]), "header:"+name
	_, isTime := plausible(value)
	switch {
	case name == "Date":
		return "${utc:Mon, 02 Jan 2006 15:04:05 GMT}"
	case strings.Contains(value, "${"):
		return ""
	case isTime && strings.Trim(value, "0123456789") == "" && len(value) > len("1000000000"):
		return "${unixms}"
	case isTime && strings.Trim(value, "0123456789") == "":
		return "${unix}"
	case isTime && strings.Contains(value, "T"):
		return "${rfc3339}"
	case ref == d.event.id:
		return "${uuid}"
	}
	return value
}

// sampled reports whether the sample of the file that was written has the body of the request.
func (d *drafting) sampled(p *provider.Provider) bool {
	s, err := p.Sample(provider.SampleRequest{Secret: d.invented(), URL: sampleURL, Now: d.sentAt(), Seq: 1})
	return err == nil && (bytes.Equal(s.Body, d.request.Body) || len(s.Body) == 0)
}
