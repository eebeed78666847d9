package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
)

// An spdx is a document of SPDX 2.3 as far as it is written here: packages and what contains them.
type spdx struct {
	Version       string         `json:"spdxVersion"`
	License       string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []pkg          `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type pkg struct {
	ID       string     `json:"SPDXID"`
	Name     string     `json:"name"`
	Version  string     `json:"versionInfo"`
	Location string     `json:"downloadLocation"`
	Analyzed bool       `json:"filesAnalyzed"`
	Refs     []external `json:"externalRefs"`
}

type external struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

var notInID = regexp.MustCompile(`[^A-Za-z0-9.-]`)

// besideProgram is the module of what the image has beside the binary: the certificate authorities.
const besideProgram = "golang.org/x/crypto/x509roots/fallback"

// writeSBOM lists the modules that the Go tool noted in the binary, Go itself, and what the image has
// beside them.
func writeSBOM(path string, b binary) error {
	info, err := buildinfo.ReadFile(b.path)
	if err != nil {
		return err
	}
	created := setting(info, "vcs.time")
	if created == "" {
		created = "1970-01-01T00:00:00Z"
	}
	doc := spdx{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: "hookspan",
		Namespace: fmt.Sprintf("https://github.com/hookspan/hookspan/sbom/%s", setting(info, "vcs.revision")),
		Creation:  creation{created, []string{"Tool: hookspan-release"}},
	}
	own := module(&info.Main)
	doc.Packages = append(doc.Packages, own)
	doc.Relationships = append(doc.Relationships, relationship{doc.ID, "DESCRIBES", own.ID})
	for _, m := range append([]*debug.Module{{Path: "stdlib", Version: info.GoVersion}}, info.Deps...) {
		if m.Replace != nil {
			m = m.Replace
		}
		p := module(m)
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, relationship{own.ID, "DEPENDS_ON", p.ID})
	}
	beside, err := builtWith(besideProgram)
	if err != nil {
		return err
	}
	if p := module(beside); !slices.ContainsFunc(doc.Packages, func(there pkg) bool { return there.ID == p.ID }) {
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, relationship{doc.ID, "DESCRIBES", p.ID})
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// builtWith is a module of this program, as the Go tool noted it.
func builtWith(path string) (*debug.Module, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, errors.New("this program was built without modules")
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m, nil
		}
	}
	return nil, fmt.Errorf("this program has no module %s, which its image is made with", path)
}

func module(m *debug.Module) pkg {
	return pkg{
		ID: "SPDXRef-" + notInID.ReplaceAllString(m.Path+"-"+m.Version, "-"), Name: m.Path, Version: m.Version, Location: "NOASSERTION",
		Refs: []external{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + m.Path + "@" + m.Version}},
	}
}
