// Package dataschema knows the JSON Schemas (draft 2020-12) that events' data is held against: those
// of the program, and a user's own.
//
// A schema is for the types that begin with its name, in whole words; of several the one with the
// longest name is. A name may have versions: NAME.json is the first, NAME@2.json another, and data
// has to fit one of them.
package dataschema

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hookspan/hookspan/bridge/event"
	"github.com/hookspan/hookspan/schemas"
)

// Path is where schemas are served: a Set answers what lies below.
const Path = "/schemas/"

const (
	folder      = "events/"
	extension   = ".json"
	maxDocument = 1 << 20 // bytes
)

// A Set is schemas by name. It does not change.
type Set struct {
	named map[string][]*Schema // the highest version first
	urls  map[*Schema]string
	files map[string][]byte // what is served, by path below Path
}

// Load reads the program's schemas and those in a user's folder, which replace the program's of the
// same name; "" is no folder. Events name a schema by base, where it is not ""
// (https://hooks.example/schemas, say), /events/ and the name of the file; else by its $id, or a URN
// of the file's name.
func Load(userFolder, base string) (*Set, error) {
	own, err := ofProgram()
	if err != nil {
		return nil, err
	}
	s := &Set{named: maps.Clone(own), urls: map[*Schema]string{}, files: map[string][]byte{}}
	if userFolder != "" {
		users, err := read(os.DirFS(userFolder), userFolder)
		if err != nil {
			return nil, err
		}
		maps.Copy(s.named, users)
	}
	for _, versions := range s.named {
		for _, v := range versions {
			s.files[folder+v.file], s.urls[v] = v.Document, v.id
			if base != "" {
				s.urls[v] = base + "/" + folder + url.PathEscape(v.file)
			}
		}
	}
	return s, nil
}

// Files are the schemas in a user's folder, by their paths; none where it cannot be read.
func Files(userFolder string) (paths []string) {
	if userFolder == "" {
		return nil
	}
	names, err := fs.Glob(os.DirFS(userFolder), "*"+extension)
	if err != nil {
		return nil
	}
	for _, name := range names {
		paths = append(paths, filepath.Join(userFolder, name))
	}
	return paths
}

// ofProgram are compiled once.
var ofProgram = sync.OnceValues(func() (map[string][]*Schema, error) {
	sub, err := fs.Sub(schemas.Files, strings.TrimSuffix(folder, "/"))
	if err != nil {
		return nil, fmt.Errorf("read the program's schemas: %w", err)
	}
	return read(sub, "schemas/events")
})

// read compiles the schemas of a folder, which may refer to each other and to nothing else.
func read(dir fs.FS, where string) (map[string][]*Schema, error) {
	if _, err := fs.ReadDir(dir, "."); err != nil {
		if of, ok := errors.AsType[*fs.PathError](err); ok {
			err = of.Err // it names the folder as "."
		}
		return nil, fmt.Errorf("read the folder of schemas %s: %w", where, err)
	}
	files, err := fs.Glob(dir, "*"+extension)
	if err != nil {
		return nil, fmt.Errorf("read the folder of schemas: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(nothingElse{where})
	named := map[string][]*Schema{}
	var faults []error
	for _, file := range files {
		v, err := readFile(dir, file)
		if err == nil {
			err = compiler.AddResource(v.at, v.parsed)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("schema %s: %w", filepath.Join(where, file), err))
			continue
		}
		named[v.Name] = append(named[v.Name], v)
	}
	for name, versions := range named {
		for _, v := range versions {
			if v.compiled, err = compiler.Compile(v.at); err != nil {
				faults = append(faults, fmt.Errorf("schema %s: %w", filepath.Join(where, v.file), err))
			}
			v.parsed = nil
		}
		slices.SortFunc(versions, func(a, b *Schema) int { return cmp.Compare(b.Version, a.Version) })
		named[name] = versions
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return named, errors.Join(faults...)
}

// nothingElse refuses references to what is not in the folder.
type nothingElse struct{ where string }

func (n nothingElse) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not in %s; nothing is fetched", url, n.where)
}

// For is the schema of a type, its highest version first; none where no schema is for it.
func (s *Set) For(eventType string) []*Schema {
	for words := eventType; words != ""; {
		if versions, found := s.named[words]; found {
			return versions
		}
		dot := strings.LastIndexByte(words, '.')
		if dot < 0 {
			break
		}
		words = words[:dot]
	}
	return nil
}

// URL is what events call a schema.
func (s *Set) URL(v *Schema) string { return s.urls[v] }

// Declared is the URL of a type's schema, "" where there is none, or several are and only its data
// says which.
func (s *Set) Declared(eventType string) string {
	if versions := s.For(eventType); len(versions) == 1 {
		return s.URL(versions[0])
	}
	return ""
}

// Check holds an event's data against the schema of its type, and returns the URL of the version
// that it fits. An event that names a version itself has to fit that one. A type without a schema
// fits. Check asks take for the memory that it needs first, and returns its error.
func (s *Set) Check(e *event.Event, take func(int64) error) (url string, err error) {
	versions := s.For(e.Type)
	if len(versions) == 0 {
		return "", nil
	}
	if err := take(cost(e.Data)); err != nil {
		return "", err
	}
	data, err := parse(e.Data)
	if err != nil {
		return "", errors.New("the data is not JSON")
	}
	for _, v := range versions {
		if e.DataSchema != "" && e.DataSchema == s.URL(v) {
			return s.URL(v), brief(v.compiled.Validate(data))
		}
	}
	var newest error
	for i, v := range versions {
		err := v.compiled.Validate(data)
		if err == nil {
			return s.URL(v), nil
		}
		if i == 0 {
			newest = err
		}
	}
	return "", brief(newest)
}

// ServeHTTP answers with a schema, by its path below Path.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, found := s.files[strings.TrimPrefix(r.URL.Path, Path)]
	if !found {
		text, _ = schemas.Files.ReadFile(strings.TrimPrefix(r.URL.Path, Path))
	}
	serve(w, r, text)
}

// versionOf reads NAME or NAME@VERSION.
func versionOf(stem string) (name string, version int, err error) {
	name, text, several := strings.Cut(stem, "@")
	if !several {
		return name, 1, nil
	}
	if version, err = strconv.Atoi(text); err != nil || version < 2 || text != strconv.Itoa(version) {
		return "", 0, fmt.Errorf("the version %q is not a number from 2 on; the first is %s.json", text, name)
	}
	return name, version, nil
}
