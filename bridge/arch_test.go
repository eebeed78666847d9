package bridge_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/hookspan/hookspan/"
	root   = ".."
)

// An importing is one import of one file.
type importing struct{ file, from, to string }

// imports reads every import of the module; from is the folder of the file.
func imports(t *testing.T) []importing {
	t.Helper()
	var all []importing
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && file != root && strings.HasPrefix(e.Name(), "."), e.IsDir() && e.Name() == "testdata":
			return filepath.SkipDir
		case e.IsDir() || path.Ext(file) != ".go":
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(file, root+string(filepath.Separator)))
		for _, spec := range parsed.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			all = append(all, importing{name, path.Dir(name), to})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no imports found: the walk is wrong")
	}
	return all
}

func (i importing) test() bool { return strings.HasSuffix(i.file, "_test.go") }

// own is the folder of an import of this module; false for others.
func (i importing) own() (folder string, ok bool) { return strings.CutPrefix(i.to, module) }

// room is the first two words of a folder: the sub-packages of a room belong to it.
func room(folder string) string {
	words := strings.SplitN(folder, "/", 3)
	return path.Join(words[:min(2, len(words))]...)
}

func TestArrowsGoOneWay(t *testing.T) {
	t.Parallel()
	floors := []string{"schemas", "bridge", "sinks", "cmd"} // each may import itself and those in front of it
	floor := func(folder string) int {
		top, _, _ := strings.Cut(folder, "/")
		return slices.Index(floors, top)
	}
	for _, i := range imports(t) {
		to, ok := i.own()
		if !ok || i.test() {
			continue
		}
		if floor(to) > floor(i.from) {
			t.Errorf("%s imports %s: what a thing means must not depend on how it is done (cmd → sinks → bridge → schemas)", i.file, to)
		}
	}
}

// rooms of bridge, and what each may import of the others.
func rooms() map[string][]string {
	return map[string][]string{
		"bridge/spelling":   {},
		"bridge/topic":      {},
		"bridge/shared":     {},
		"bridge/header":     {},
		"bridge/setting":    {"header"},
		"bridge/dataschema": {"event", "problem", "scheme"},
		"bridge/logline":    {},
		"bridge/latency":    {},
		"bridge/event":      {},
		"bridge/problem":    {},
		"bridge/tracing":    {"event"}, // OpenTelemetry's API, never its SDK
		"bridge/bus":        {"event", "tracing"},
		"bridge/ops":        {"event", "bus", "delivery"},
		"bridge/tenant":     {"event", "scheme"},
		"bridge/order":      {"event", "scheme"},
		"bridge/scheme":     {},
		"bridge/provider":   {"event", "scheme", "spelling"},
		"bridge/line":       {},
		"bridge/listener":   {"line", "logline"},
		"bridge/receiver":   {"event", "problem", "bus", "setting", "topic", "scheme", "provider", "latency", "line", "logline", "listener", "tracing", "tenant", "ops"},
		"bridge/signature":  {"header", "scheme", "provider"},
		"bridge/cesql":      {},
		"bridge/jq":         {"event"},
		"bridge/filter":     {"cesql", "event", "jq", "setting"},
		"bridge/transform":  {"event", "jq", "setting"},
		"bridge/endpoint":   {"event", "header", "bus", "filter", "setting", "signature", "spelling", "topic", "shared", "tenant", "transform", "order"},
		"bridge/delivery":   {"event", "bus"},    // words alone: no engine, so that journal, admin and senders know none either
		"bridge/statelog":   {"bus", "delivery"}, // what is durable, not who decides it
		"bridge/feed":       {"bus", "shared"},
		"bridge/retention":  {"bus", "feed", "endpoint", "statelog"},
		"bridge/quarantine": {"event", "bus", "aside", "logline"},
		"bridge/aside":      {"event", "bus", "delivery"},
		"bridge/infer":      {},
		"bridge/asyncapi":   {},
		"bridge/sighting":   {"bus", "delivery"},
		"bridge/dispatch":   {"event", "bus", "feed", "sighting", "retention", "quarantine", "aside", "signature", "filter", "endpoint", "delivery", "statelog", "logline", "latency", "setting", "tracing", "tenant", "ops", "transform", "order"},
		"bridge/alert":      {"event", "bus", "feed", "ops", "setting", "tenant"},
		"bridge/journal":    {"event", "bus", "endpoint", "delivery"},
		"bridge/admin":      {"event", "problem", "bus", "provider", "receiver", "signature", "filter", "endpoint", "delivery", "backup", "statelog", "journal", "aside", "sighting", "infer", "asyncapi", "dataschema", "setting", "spelling", "topic", "logline", "tenant"},
		"bridge/backup":     {"event", "bus", "topic", "feed", "endpoint", "delivery", "statelog", "order"}, // reads what the engine writes, and starts none
		"bridge/config":     {"endpoint", "receiver", "setting", "spelling", "topic", "logline", "tenant"},  // settings of endpoints and sources
		"bridge/app":        {"event", "problem", "bus", "provider", "receiver", "signature", "endpoint", "delivery", "dispatch", "journal", "aside", "sighting", "asyncapi", "dataschema", "admin", "backup", "config", "setting", "topic", "logline", "listener", "tracing", "tenant", "ops", "alert"},
	}
}

func TestRoomsOfTheBridge(t *testing.T) {
	t.Parallel()
	may := rooms()
	for name := range may {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Errorf("%s is in the table and nowhere else: take it out", name)
		}
	}
	for _, i := range imports(t) {
		to, ok := i.own()
		if !ok || i.test() || !strings.HasPrefix(i.from, "bridge/") || !strings.HasPrefix(to, "bridge/") {
			continue
		}
		from, to := room(i.from), room(to)
		allowed, known := may[from]
		if !known {
			t.Errorf("%s is not in the table: say there what it may import", from)
			continue
		}
		if from != to && !slices.Contains(allowed, strings.TrimPrefix(to, "bridge/")) {
			t.Errorf("%s imports %s: %s knows only %v, so that it can be read and tested alone", i.file, to, from, allowed)
		}
	}
}

// What the bridge asks of a product is a word; the engine that asks is none of its business.
func TestSinksKnowNoEngine(t *testing.T) {
	t.Parallel()
	for _, i := range imports(t) {
		if to, ok := i.own(); ok && !i.test() && strings.HasPrefix(i.from, "sinks/") && room(to) == "bridge/dispatch" {
			t.Errorf("%s imports %s: the words of the way out are in bridge/delivery", i.file, to)
		}
	}
}

// commands are the rooms of the program, and what each may import of the others.
func commands() map[string][]string {
	return map[string][]string{
		"cli": {}, "adapter": {}, "load": {}, "fault": {}, "memory": {}, "otlp": {},
		"client":    {"cli"},
		"server":    {"cli", "adapter", "client", "memory", "otlp"},
		"request":   {"cli", "adapter", "server"},
		"roundtrip": {"cli", "client"},
		"bench":     {"cli", "adapter", "client", "server", "load"},
		"root":      {"cli", "client", "server", "request", "roundtrip", "bench"},
	}
}

func TestRoomsOfTheProgram(t *testing.T) {
	t.Parallel()
	const program = "cmd/hookspan/"
	for _, i := range imports(t) {
		from, inside := strings.CutPrefix(i.from, program)
		to, ok := strings.CutPrefix(i.to, module+program)
		if !ok || !inside || i.test() || from == to {
			continue
		}
		if !slices.Contains(commands()[from], to) {
			t.Errorf("%s imports %s: a room of commands knows only %v", i.file, to, commands()[from])
		}
	}
}

// roomsOfSinks are the packages inside a sink, and what each may import of the others.
func roomsOfSinks() map[string][]string {
	return map[string][]string{
		"sinks/kafka":         {"sinks/kafka/cluster", "sinks/kafka/topic", "sinks/kafka/publish", "sinks/kafka/lease"},
		"sinks/kafka/cluster": {},
		"sinks/kafka/topic":   {"sinks/kafka/cluster"},
		"sinks/kafka/publish": {"sinks/kafka/cluster", "sinks/kafka/topic"},
		"sinks/kafka/lease":   {},

		"sinks/jetstream":         {"sinks/jetstream/link", "sinks/jetstream/lease", "sinks/jetstream/subject"},
		"sinks/jetstream/link":    {"sinks/jetstream/subject"},
		"sinks/jetstream/lease":   {"sinks/jetstream/link"},
		"sinks/jetstream/subject": {},
		"sinks/jetstream/dial":    {"sinks/jetstream"},

		"sinks/jetstream/embedded":         {"sinks/jetstream", "sinks/jetstream/link", "sinks/jetstream/embedded/client", "sinks/jetstream/embedded/cluster", "sinks/jetstream/embedded/disk"},
		"sinks/jetstream/embedded/client":  {"sinks/jetstream", "sinks/jetstream/link", "sinks/jetstream/subject"},
		"sinks/jetstream/embedded/cluster": {"sinks/jetstream/embedded/disk"},
		"sinks/jetstream/embedded/disk":    {},
	}
}

func TestRoomsOfSinks(t *testing.T) {
	t.Parallel()
	may := roomsOfSinks()
	for _, i := range imports(t) {
		to, ok := i.own()
		if allowed, known := may[i.from]; ok && known && !i.test() && strings.HasPrefix(to, "sinks/") && !slices.Contains(allowed, to) {
			t.Errorf("%s imports %s: %s knows only %v, so that it can be read and tested alone", i.file, to, i.from, allowed)
		}
	}
}

func TestOnlySinksKnowABroker(t *testing.T) {
	t.Parallel()
	brokers := []string{"github.com/nats-io/", "github.com/twmb/", "github.com/IBM/sarama", "github.com/segmentio/kafka-go"}
	for _, i := range imports(t) {
		if i.test() || strings.HasPrefix(i.from, "sinks/") {
			continue
		}
		for _, broker := range brokers {
			if strings.HasPrefix(i.to, broker) {
				t.Errorf("%s imports %s: broker clients live under sinks, behind the contract of bridge/bus", i.file, i.to)
			}
		}
	}
}

// Whoever makes spans knows the API alone: what records and sends them comes with the process.
func TestOnlyTheExporterKnowsTheSDK(t *testing.T) {
	t.Parallel()
	of := []string{"go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters", "go.opentelemetry.io/proto"}
	for _, i := range imports(t) {
		if i.test() || strings.HasSuffix(i.from, "test") || i.from == "cmd/hookspan/otlp" {
			continue
		}
		for _, sdk := range of {
			if strings.HasPrefix(i.to, sdk) {
				t.Errorf("%s imports %s: spans are made by bridge/tracing, sent by cmd/hookspan/otlp", i.file, i.to)
			}
		}
	}
}

func TestSchemasNeedNothing(t *testing.T) {
	t.Parallel()
	for _, i := range imports(t) {
		first, _, _ := strings.Cut(i.to, "/")
		if i.from == "schemas" && !i.test() && strings.Contains(first, ".") {
			t.Errorf("%s imports %s: schemas are for everybody and bring nothing along", i.file, i.to)
		}
	}
}

// Test code stays out of the program: a package called …test is for tests alone.
func TestProgramsDoNotCarryTestPackages(t *testing.T) {
	t.Parallel()
	for _, i := range imports(t) {
		if to, ok := i.own(); ok && !i.test() && strings.HasSuffix(to, "test") && !strings.HasSuffix(i.from, "test") {
			t.Errorf("%s imports %s outside of a test", i.file, to)
		}
	}
}

func TestNamesThatSayNothingAreNotUsed(t *testing.T) {
	t.Parallel()
	banned := []string{"util", "utils", "common", "helper", "helpers", "manager", "base", "impl", "processor", "service", "data", "info", "misc", "v2", "internal"}
	seen := map[string]bool{}
	for _, i := range imports(t) {
		for word := range strings.SplitSeq(i.from, "/") {
			if slices.Contains(banned, word) && !seen[i.from] {
				seen[i.from] = true
				t.Errorf("folder %s: %q does not say what is in it", i.from, word)
			}
		}
	}
}

// The top level belongs to the user: nothing is added to it.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	allowed := []string{"cmd", "bridge", "schemas", "sinks", "charts", "go.mod", "go.sum", "README.md", "LICENSE"}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) && e.Name() != "hookspan-data" {
			t.Errorf("%s: the top level holds %v and nothing else", e.Name(), allowed)
		}
	}
}
