package test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const pictures = "../pictures"

// changing is what differs from run to run of what is pictured.
var changing = map[*regexp.Regexp]string{
	regexp.MustCompile(`in [0-9]+\.[0-9] ms`):    "in 4.2 ms",
	regexp.MustCompile(`[0-9]+\.[0-9] ms after`): "9.7 ms after",
	regexp.MustCompile(`\broundtrip-[a-z0-9]+`):  "roundtrip-7q2xk9",
}

// terminal draws a command and what it says, in lines of a hundred characters at most.
func terminal(command, said string) []byte {
	const columns, wide, high, edge = 100, 9, 22, 24
	var lines []string
	for line := range strings.Lines("$ " + command + "\n" + said) {
		line = strings.TrimRight(line, "\n")
		for utf8.RuneCountInString(line) > columns {
			cut := len(string([]rune(line)[:columns]))
			if space := strings.LastIndexByte(line[:cut], ' '); space > 0 {
				cut = space
			}
			lines, line = append(lines, line[:cut]), line[cut:]
		}
		lines = append(lines, line)
	}
	var b bytes.Buffer
	width, height := columns*wide+2*edge, len(lines)*high+2*edge
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `  <rect width="%d" height="%d" rx="8" fill="#101820"/>`+"\n", width, height)
	b.WriteString(`  <g fill="#e6edf3" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="15" xml:space="preserve">` + "\n")
	for i, line := range lines {
		fmt.Fprintf(&b, `    <text x="%d" y="%d">`, edge, edge+16+i*high)
		_ = xml.EscapeText(&b, []byte(line)) // a buffer takes everything
		b.WriteString("</text>\n")
	}
	b.WriteString("  </g>\n</svg>\n")
	return b.Bytes()
}

// pictured holds a picture of what a command says against what it says now.
func pictured(t *testing.T, name, command, said string) {
	t.Helper()
	for what, stands := range changing {
		said = what.ReplaceAllString(said, stands)
	}
	golden(t, filepath.Join(pictures, name+".svg"), terminal(command, said))
}

// Artifact Hub is given an icon and pictures that are in the repository, each with a title.
func TestArtifactHubIsGivenPictures(t *testing.T) {
	c := load(t).Metadata
	raw := strings.Replace(c.Home, "https://github.com/", "https://raw.githubusercontent.com/", 1) + "/main/charts/pictures/"
	shown := map[string]bool{}
	drawn := func(what, url string) {
		name, ours := strings.CutPrefix(url, raw)
		if !ours {
			t.Fatalf("%s is at %q, want it below %s", what, url, raw)
		}
		shown[name] = true
		text, err := os.ReadFile(filepath.Join(pictures, name))
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		d := xml.NewDecoder(bytes.NewReader(text))
		var root xml.Name
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if start, ok := token.(xml.StartElement); ok && root.Local == "" {
				root = start.Name
			}
		}
		if root.Local != "svg" || root.Space != "http://www.w3.org/2000/svg" {
			t.Errorf("%s begins with %v", name, root)
		}
	}
	drawn("the icon", c.Icon)
	all := annotated[[]struct{ Title, URL string }](t, "screenshots")
	for _, s := range all {
		if s.Title == "" {
			t.Errorf("%s has no title", s.URL)
		}
		drawn(s.Title, s.URL)
	}
	if len(all) == 0 {
		t.Error("there are no screenshots")
	}
	for _, path := range files(t, pictures+"/*") {
		if !shown[filepath.Base(path)] {
			t.Errorf("nobody is shown %s", path)
		}
	}
}
