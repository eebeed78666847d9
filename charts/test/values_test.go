package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A value is one of values.yaml: a leaf, or a map that is one value (any label, any setting).
type value struct {
	path, about string
	node        *yaml.Node
}

// shapes are what a value's default does not tell of it: a JSON Schema, which goes before the type.
var shapes = map[string]string{
	"image.digest":                     `{"type":"string","pattern":"^(sha256:[0-9a-f]{64})?$"}`,
	"image.pullPolicy":                 `{"enum":["Always","IfNotPresent","Never"]}`,
	"image.pullSecrets":                `{"type":"array","items":{"type":"string"}}`,
	"bus.kind":                         `{"enum":["embedded","embedded-cluster","nats","kafka"]}`,
	"bus.files":                        `{"type":"object","additionalProperties":{"type":"string"},"propertyNames":{"enum":["nats_creds","nats_nkey_file","nats_token_file","nats_password_file","kafka_password_file","kafka_oauth_client_secret_file","bus_ca","bus_cert","bus_key_file"]}}`,
	"replicas":                         `{"type":["integer","null"],"minimum":1}`,
	"roles.receiver.replicas":          `{"type":"integer","minimum":1}`,
	"roles.dispatcher.replicas":        `{"type":"integer","minimum":1}`,
	"roles.admin.replicas":             `{"type":"integer","minimum":1}`,
	"config":                           `{"$ref":"#/$defs/config"}`,
	"sources":                          `{"type":"object","additionalProperties":{"$ref":"#/$defs/source"},"propertyNames":{"pattern":"^[a-z0-9-]+$"}}`,
	"endpoints":                        `{"type":"object","additionalProperties":{"$ref":"#/$defs/endpoint"},"propertyNames":{"pattern":"^[a-z0-9-]+$"}}`,
	"providers":                        `{"type":"object","additionalProperties":{"type":"string"},"propertyNames":{"pattern":"^[a-z0-9-]+\\.(yaml|yml|json)$"}}`,
	"schemas":                          `{"type":"object","additionalProperties":{"type":"string"},"propertyNames":{"pattern":"^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*(@[1-9][0-9]*)?\\.json$"}}`,
	"persistence.size":                 `{"type":"string","pattern":"^[0-9.]+(Mi|Gi|Ti|M|G|T)$"}`,
	"persistence.whenDeleted":          `{"enum":["Retain","Delete"]}`,
	"persistence.whenScaled":           `{"enum":["Retain","Delete"]}`,
	"service.type":                     `{"enum":["ClusterIP","NodePort","LoadBalancer"]}`,
	"service.nodePort":                 `{"type":["integer","null"],"minimum":1,"maximum":65535}`,
	"service.ipFamilyPolicy":           `{"enum":["SingleStack","PreferDualStack","RequireDualStack"]}`,
	"service.ipFamilies":               `{"type":"array","items":{"enum":["IPv4","IPv6"]}}`,
	"service.externalTrafficPolicy":    `{"enum":["","Cluster","Local"]}`,
	"pdb.maxUnavailable":               `{"type":["integer","string"]}`,
	"hostUsers":                        `{"type":["boolean","null"]}`,
	"resources":                        `{"type":"object","additionalProperties":false,"properties":{"requests":{"type":"object","description":"What a pod is sure to get."},"limits":{"type":"object","description":"What a pod may take at most."},"claims":{"type":"array","description":"Claims of dynamic resource allocation."}}}`,
	"podSecurityContext":               `{"type":"object"}`,
	"securityContext":                  `{"type":"object"}`,
	"traces.endpoint":                  `{"type":"string","pattern":"^(https?://[^/?#@\\s]+(/[^?#@\\s]*)?)?$"}`,
	"traces.headersFrom":               `{"anyOf":[{"$ref":"#/$defs/reference"},{"type":"object","maxProperties":0}]}`,
	"traces.files":                     `{"type":"object","additionalProperties":{"type":"string"},"propertyNames":{"enum":["certificate","client_certificate","client_key"]}}`,
	"traces.sampler":                   `{"enum":["","always_on","always_off","traceidratio","parentbased_always_on","parentbased_always_off","parentbased_traceidratio"]}`,
	"traces.samplerArg":                `{"type":["number","string","null"],"minimum":0,"maximum":1,"pattern":"^(0([.][0-9]+)?|1([.]0+)?)$"}`,
	"traces.attributes":                `{"type":"object","additionalProperties":{"type":"string"},"propertyNames":{"pattern":"^[A-Za-z0-9._/-]+$"}}`,
	"mail.passwordFrom":                `{"anyOf":[{"$ref":"#/$defs/reference"},{"type":"object","maxProperties":0}]}`,
	"autoscaling.hpa.minReplicas":      `{"type":"integer","minimum":1}`,
	"autoscaling.keda.minReplicas":     `{"type":"integer","minimum":1}`,
	"autoscaling.hpa.targetCPU":        `{"type":"integer","minimum":1}`,
	"preStopSeconds":                   `{"type":"integer","minimum":0}`,
	"service.port":                     `{"type":"integer","minimum":1,"maximum":65535}`,
	"adminService.port":                `{"type":"integer","minimum":1,"maximum":65535}`,
	"natsService.port":                 `{"type":"integer","minimum":1,"maximum":65535}`,
	"gateway.timeout":                  `{"type":"string","pattern":"^([0-9]{1,5}(h|m|s|ms)){1,4}$"}`,
	"networkPolicy.dnsPorts":           `{"type":"array","minItems":1,"items":{"type":"integer"}}`,
	"networkPolicy.egressExcept":       `{"type":"object","additionalProperties":false,"properties":{"ipv4":{"type":"array","description":"Ranges of IPv4.","items":{"type":"string"}},"ipv6":{"type":"array","description":"Ranges of IPv6.","items":{"type":"string"}}}}`,
	"extraObjects":                     `{"type":"array","items":{"type":["object","string"]}}`,
	"extraDeploy":                      `{"type":"array","items":{"type":["object","string"]}}`,
	"ingress.hosts":                    `{"type":"array","items":{"type":"string"}}`,
	"gateway.hostnames":                `{"type":"array","items":{"type":"string"}}`,
	"service.loadBalancerSourceRanges": `{"type":"array","items":{"type":"string"}}`,
}

// values reads values.yaml: a value is what has a comment of its own beginning with "# --", a group of
// values has a comment without. The groups' are by their path.
func values(t *testing.T) (all []value, groups map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n > 500 {
		t.Errorf("values.yaml has %d lines; whoever chooses a value reads them", n)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	groups = map[string]string{}
	var walk func(prefix string, m *yaml.Node)
	walk = func(prefix string, m *yaml.Node) {
		for i := 0; i+1 < len(m.Content); i += 2 {
			key, node := m.Content[i], m.Content[i+1]
			path := prefix + key.Value
			if _, about, ok := strings.Cut(key.HeadComment, "# -- "); ok {
				all = append(all, value{path: path, about: about, node: node})
			} else if about, ok := strings.CutPrefix(key.HeadComment, "# "); ok && node.Kind == yaml.MappingNode && len(node.Content) > 0 {
				groups[path] = about
				walk(path+".", node)
			} else {
				t.Errorf("values.yaml: %s has no comment that says what it is", path)
			}
		}
	}
	walk("", doc.Content[0])
	return all, groups
}

// texts are maps of texts, of which Kubernetes takes nothing else.
var texts = regexp.MustCompile("([lL]abels|[aA]nnotations|nodeSelector)$")

func (v value) schema() json.RawMessage {
	shape := shapes[v.path]
	if shape == "" {
		switch v.node.Kind {
		case yaml.MappingNode:
			shape = `{"type":"object"}`
			if texts.MatchString(v.path) {
				shape = `{"type":"object","additionalProperties":{"type":"string"}}`
			}
		case yaml.SequenceNode:
			shape = `{"type":"array"}`
		default:
			shape = fmt.Sprintf(`{"type":%q}`, map[string]string{"!!str": "string", "!!int": "integer", "!!bool": "boolean"}[v.node.Tag])
		}
	}
	return json.RawMessage(strings.Replace(shape, "{", fmt.Sprintf(`{"description":%s,`, quoted(v.about)), 1))
}

func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return strings.TrimSpace(b.String())
}

// An object of the schema: the values below a name.
type object struct {
	Description          string                     `json:"description,omitempty"`
	Type                 string                     `json:"type"`
	AdditionalProperties bool                       `json:"additionalProperties"`
	Properties           map[string]json.RawMessage `json:"properties"`
}

func schemaOf(t *testing.T, all []value, groups map[string]string, prefix string) json.RawMessage {
	t.Helper()
	o := object{Description: groups[strings.TrimSuffix(prefix, ".")], Type: "object", Properties: map[string]json.RawMessage{}}
	for i := 0; i < len(all); i++ {
		rest := strings.TrimPrefix(all[i].path, prefix)
		name, _, deeper := strings.Cut(rest, ".")
		if !deeper {
			o.Properties[name] = all[i].schema()
			continue
		}
		below := prefix + name + "."
		n := i
		for n < len(all) && strings.HasPrefix(all[n].path, below) {
			n++
		}
		o.Properties[name] = schemaOf(t, all[i:n], groups, below)
		i = n - 1
	}
	return marshal(t, o)
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// chartSets are the settings that the chart makes from values of its own.
var chartSets = []string{
	"listen", "admin_listen", "data_dir", "bus", "roles", "sources", "endpoints", "providers_dir", "schemas_dir",
	"embedded_cluster", "embedded_cluster_size", "embedded_peers", "embedded_routes_listen", "embedded_listen", "embedded_user",
	"admin_token", "admin_token_file", "seal_key", "seal_key_file",
	"tls_cert", "tls_key_file", "admin_tls_cert", "admin_tls_key_file",
}

// program returns the schema of the program's configuration file.
func program(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../schemas/config.json")
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// definitions are the parts of the schema that come from the program's own.
func definitions(t *testing.T) map[string]any {
	t.Helper()
	s := program(t)
	properties := s["properties"].(map[string]any)
	item := func(kind string) map[string]any {
		return properties[kind].(map[string]any)["additionalProperties"].(map[string]any)
	}
	source, endpoint := item("sources"), item("endpoints")
	reference := map[string]any{
		"type": "object", "additionalProperties": false, "required": []string{"name", "key"},
		"description": "A key of a Secret.",
		"properties": map[string]any{
			"name": map[string]any{"type": "string", "description": "Name of the Secret."},
			"key":  map[string]any{"type": "string", "description": "Key in it."},
		},
	}
	oneOrMore := map[string]any{"description": "The secret by reference: a Secret's name and key, or a list of them, newest first.", "anyOf": []any{
		map[string]any{"$ref": "#/$defs/reference"},
		map[string]any{"type": "array", "minItems": 1, "items": map[string]any{"$ref": "#/$defs/reference"}},
	}}
	for _, of := range []map[string]any{source, endpoint} {
		settings := of["properties"].(map[string]any)
		settings["secrets"] = byReference()
		settings["secretsFrom"] = oneOrMore
	}
	settings := endpoint["properties"].(map[string]any)
	settings["encrypt_secret"] = map[string]any{"type": "string", "pattern": referred, "description": "env:NAME or file:PATH; the secret itself stays out of values."}
	settings["encryptSecretFrom"] = map[string]any{"$ref": "#/$defs/reference"}
	for _, name := range chartSets {
		if _, ok := properties[name]; !ok {
			t.Errorf("the program has no setting %s, which the chart sets", name)
		}
		delete(properties, name)
	}
	for name := range properties {
		if secret(name) {
			properties[name] = map[string]any{"type": "string", "pattern": referred, "description": "env:NAME or file:PATH; the secret itself stays out of values."}
		}
	}
	return map[string]any{
		"reference": reference, "source": source, "endpoint": endpoint,
		"config": map[string]any{"type": "object", "additionalProperties": false, "properties": properties, "description": "Settings of the program, in the words of its configuration file."},
	}
}

const referred = "^(env|file):"

func secret(name string) bool {
	for _, end := range []string{"_token", "_password", "_secret", "_key"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

func byReference() map[string]any {
	one := map[string]any{"type": "string", "pattern": referred}
	return map[string]any{
		"description": "env:NAME or file:PATH, newest first; the secrets themselves stay out of values. See secretsFrom.",
		"anyOf":       []any{one, map[string]any{"type": "array", "items": one}},
	}
}

func TestTheSchemaIsMadeFromTheValuesAndTheProgram(t *testing.T) {
	all, groups := values(t)
	var whole map[string]any
	if err := json.Unmarshal(schemaOf(t, all, groups, ""), &whole); err != nil {
		t.Fatal(err)
	}
	whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	whole["title"] = "Values of the Hookspan chart"
	whole["$defs"] = definitions(t)
	whole["properties"].(map[string]any)["global"] = map[string]any{"type": "object", "description": "Of a chart that this one is part of; unused."}
	text := marshal(t, whole)
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	described(t, "", whole)
	golden(t, filepath.Join(dir, "values.schema.json"), text)
}

// described goes through a schema: every property says what it is, or refers to what does.
func described(t *testing.T, path string, schema any) {
	t.Helper()
	switch s := schema.(type) {
	case map[string]any:
		properties, _ := s["properties"].(map[string]any)
		for name, p := range properties {
			property := p.(map[string]any)
			if property["description"] == nil && property["$ref"] == nil {
				t.Errorf("%s.%s has no description", path, name)
			}
		}
		for key, below := range s {
			described(t, path+"."+key, below)
		}
	case []any:
		for _, below := range s {
			described(t, path, below)
		}
	}
}

func TestTheReadmeHasEveryValue(t *testing.T) {
	path := filepath.Join(dir, "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin = "| value | default | meaning |\n|---|---|---|\n"
	head, rest, ok := strings.Cut(string(text), begin)
	if !ok {
		t.Fatalf("%s has no table that begins with %q", path, begin)
	}
	_, tail, _ := strings.Cut(rest, "\n\n")
	var b strings.Builder
	all, _ := values(t)
	for _, v := range all {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.path, v.shown(t), strings.ReplaceAll(v.about, "|", `\|`))
	}
	golden(t, path, []byte(head+begin+b.String()+"\n"+tail))
}

func (v value) shown(t *testing.T) string {
	t.Helper()
	var x any
	if err := v.node.Decode(&x); err != nil {
		t.Fatal(err)
	}
	if x == nil || x == "" {
		return ""
	}
	text, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return "`" + strings.Trim(string(text), `"`) + "`"
}

// golden compares, or writes with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(want, got) {
		return
	}
	was, is := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for i := range slices.Max([]int{len(was), len(is)}) {
		a, b := at(was, i), at(is, i)
		if a != b {
			t.Fatalf("%s is not what is made now (go test ./... -update makes it); line %d was\n%s\nis\n%s", path, i+1, a, b)
		}
	}
}

func at(lines [][]byte, i int) string {
	if i < len(lines) {
		return string(lines[i])
	}
	return "(no line)"
}
