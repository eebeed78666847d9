package test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

type refusal struct{ values, says string }

// refused are values with which nothing could work, and what is said of them.
func refused() map[string]refusal {
	return map[string]refusal{
		"an unknown value":               {"persistance: {size: 1Gi}", "persistance"},
		"an unknown value below":         {"image: {tagg: x}", "tagg"},
		"an unknown setting":             {"config: {retentoin: 1h}", "retentoin"},
		"an unknown setting of a source": {"sources: {shop: {provider: shopify, secrt: x}}", "secrt"},
		"a kind of bus that is none":     {"bus: {kind: rabbit}", "kind"},
		"two pods of one bus":            {"replicas: 2", "embedded-cluster"},
		"a cluster of two":               {"bus: {kind: embedded-cluster}\nreplicas: 2", "3 or 5"},
		"a cluster of four":              {"bus: {kind: embedded-cluster}\nreplicas: 4", "3 or 5"},
		"a name with a dot":              {"fullnameOverride: web.hooks", "fullnameOverride: objects would be called web.hooks"},
		"a name with capitals":           {"nameOverride: WebHooks", "fullnameOverride: objects would be called hs-WebHooks"},
		"a name that begins by a digit":  {"fullnameOverride: 1st", "a letter first"},
		"no pod":                         {"replicas: 0", "replicas"},
		"NATS without servers":           {"bus: {kind: nats}", "bus.url: missing"},
		"Kafka's servers for NATS":       {"bus: {kind: nats, url: 'kafka://k:9092'}", "not of bus.kind nats"},
		"a server without a port":        {"bus: {kind: nats, url: 'nats://n1:4222,n2'}", "with its port"},
		"servers for an embedded bus":    {"bus: {url: 'nats://n:4222'}", "bus.url: not with"},
		"a password in the address":      {"bus: {kind: nats, url: 'nats://user:secret@n:4222'}", "bus.existingSecret"},
		"roles of an embedded bus":       {"roles: {split: true}", "roles.split"},
		"scaling an embedded bus":        {"autoscaling: {hpa: {enabled: true}}", "autoscaling"},
		"a maximum below the minimum":    {"bus: {kind: nats, url: 'nats://n:4222'}\nautoscaling: {hpa: {enabled: true, minReplicas: 5, maxReplicas: 3}}", "maxReplicas"},
		"two scalers of the same pods":   {"bus: {kind: nats, url: 'nats://n:4222'}\nautoscaling: {hpa: {enabled: true}, keda: {enabled: true, prometheus: 'http://p'}}", "choose one"},
		"a share of no CPU":              {"bus: {kind: nats, url: 'nats://n:4222'}\nautoscaling: {hpa: {enabled: true}}\nresources: {requests: {cpu: null}}", "resources.requests.cpu"},
		"a share of a role's no CPU":     {"bus: {kind: nats, url: 'nats://n:4222'}\nroles: {split: true, receiver: {resources: {limits: {memory: 1Gi}}}}\nautoscaling: {hpa: {enabled: true}}", "roles.receiver.resources.requests.cpu"},
		"a login in an endpoint's URL":   {"endpoints: {crm: {url: 'https://user:secret@crm.example'}}", "as HOOKSPAN_ENDPOINT_CRM_HEADERS from a Secret"},
		"a login to the proxy":           {"config: {egress_proxy: 'http://user:secret@proxy:3128'}", "config.egress_proxy: no user and password"},
		"a login to an endpoint's proxy": {"endpoints: {crm: {url: 'https://crm.example', proxy: 'socks5://user:secret@proxy'}}", "as HOOKSPAN_ENDPOINT_CRM_PROXY from a Secret"},
		"nobody who counts what waits":   {"bus: {kind: nats, url: 'nats://n:4222'}\nautoscaling: {keda: {enabled: true, minReplicas: 0, prometheus: 'http://p'}}", "minReplicas"},
		"KEDA without Prometheus":        {"bus: {kind: nats, url: 'nats://n:4222'}\nautoscaling: {keda: {enabled: true}}", "keda.prometheus"},
		"a restore by pods of NATS":      {"bus: {kind: nats, url: 'nats://n:4222'}\nrestoring: true", "restoring: not with"},
		"a restore without a volume":     {"persistence: {enabled: false}\nrestoring: true", "needs persistence.enabled"},
		"no admin token":                 {"bus: {kind: nats, url: 'nats://n:4222'}\nauth: {generate: false}", "auth.existingSecret"},
		"a secret among the values":      {"sources: {shop: {provider: shopify, secrets: [hush]}}", "secrets"},
		"a password among the values":    {"config: {nats_password: hush}", "nats_password"},
		"a claim for three pods":         {"bus: {kind: embedded-cluster}\npersistence: {existingClaim: mine}", "existingClaim"},
		"files without a Secret":         {"bus: {kind: nats, url: 'nats://n:4222', files: {nats_creds: c}}", "bus.existingSecret"},
		"a file that is no setting":      {"bus: {kind: nats, url: 'nats://n:4222', existingSecret: s, files: {nats_credz: c}}", "nats_credz"},
		"a setting that the chart makes": {"config: {listen: ':1'}", "listen"},
		"NATS clients without password":  {"natsService: {enabled: true}", "natsService.existingSecret"},
		"a route without a gateway":      {"gateway: {enabled: true}", "gateway.parentRefs"},
		"an authority of no certificate": {"gateway: {enabled: true, parentRefs: [{name: public}], backendCA: ca}", "gateway.backendCA"},
		"everything measured twice":      {"metrics: {serviceMonitor: {enabled: true}, podMonitor: {enabled: true}}", "choose one"},
		"a collector that is no URL":     {"traces: {endpoint: 'collector:4317'}", "endpoint"},
		"a login to the collector":       {"traces: {endpoint: 'https://user:secret@collector'}", "endpoint"},
		"a share of traces above all":    {"traces: {endpoint: 'http://collector:4318', samplerArg: 1.5}", "samplerArg"},
		"a sampler that is none":         {"traces: {endpoint: 'http://collector:4318', sampler: always}", "sampler"},
		"a header among the values":      {"traces: {endpoint: 'http://collector:4318', headersFrom: {Authorization: Bearer x}}", "headersFrom"},
		"traces without a collector":     {"traces: {samplerArg: 0.1}", "traces.endpoint: missing"},
		"certificates without a Secret":  {"traces: {endpoint: 'https://collector:4318', files: {certificate: ca.crt}}", "traces.existingSecret"},
		"a password to the mail server":  {"config: {smtp_url: 'smtp://me:secret@mail.example'}", "config.smtp_url: no password"},
		"a password of no mail server":   {"mail: {passwordFrom: {name: mail, key: password}}", "config.smtp_url: missing"},
		"a mail password in the values":  {"config: {smtp_url: 'smtp://me@mail.example', smtp_password: hush}", "smtp_password"},
		"a size that is none":            {"persistence: {size: big}", "size"},
		"the source of helm test":        {"sources: {helm-test: {provider: shopify}}", "sources.helm-test"},
		"a login among the headers":      {"endpoints: {crm: {url: 'https://crm.example', headers: {Authorization: Bearer x}}}", "as HOOKSPAN_ENDPOINT_CRM_HEADERS from a Secret"},
		"a login among lines":            {"endpoints: {my-crm: {url: 'https://crm.example', headers: \"A: b\\nX-Api-Key: x\"}}", "as HOOKSPAN_ENDPOINT_MY_CRM_HEADERS from a Secret"},
		"a token to log in with":         {"endpoints: {crm: {url: 'https://crm.example', auth: {bearer: hush}}}", "as HOOKSPAN_ENDPOINT_CRM_AUTH from a Secret"},
		"a password to log in with":      {"endpoints: {crm: {url: 'https://crm.example', auth: {basic: {username: me, password: hush}}}}", "endpoints.crm.auth.basic.password: this is a secret"},
		"a client's secret":              {"endpoints: {crm: {url: 'https://crm.example', auth: {oauth2: {client_secret: hush}}}}", "endpoints.crm.auth.oauth2.client_secret: this is a secret"},
		"a login in a list":              {"endpoints: {crm: {url: 'https://crm.example', auth: [{bearer: hush}]}}", "auth"},
		"a key of an Azure function":     {"endpoints: {crm: {url: 'https://crm.example', headers: {x-functions-key: hush}}}", "x-functions-key is a secret"},
		"a key of an Azure API":          {"endpoints: {crm: {url: 'https://crm.example', headers: 'Ocp-Apim-Subscription-Key: hush'}}", "Subscription-Key is a secret"},
		"a secret option to sign with":   {"endpoints: {crm: {url: 'https://crm.example', signature: 'provider:meta', options: {verify_token: hush}}}", "endpoints.crm.options: verify_token is a secret"},
		"a secret of one's own provider": {"providers: {acme.yaml: \"name: acme\\noptions: [{name: pin, secret: true, description: x}, {name: mode, description: y}]\"}\nsources: {shop: {provider: acme, options: 'mode=a,pin=1234'}}", "sources.shop.options: pin is a secret"},
		"a time before the stop":         {"preStopSeconds: -1", "preStopSeconds"},
		"a port that is none":            {"service: {port: 70000}", "port"},
		"a share of no CPU at all":       {"bus: {kind: nats, url: 'nats://n:4222'}\nautoscaling: {hpa: {enabled: true, targetCPU: 0}}", "targetCPU"},
		"a time without a unit":          {"gateway: {enabled: true, parentRefs: [{name: public}], timeout: '30'}", "timeout"},
		"a login as one text":            {"endpoints: {crm: {url: 'https://crm.example', auth: '{\"bearer\": \"hush\"}'}}", "auth"},
		"a client certificate's key":     {"endpoints: {my-crm: {url: 'https://crm.example', tls: {key: '-----BEGIN PRIVATE KEY-----'}}}", "as HOOKSPAN_ENDPOINT_MY_CRM_TLS from a Secret"},
		"an annotation that is no text":  {"podAnnotations: {scrape: true}", "podAnnotations"},
		"a name that is none":            {"sources: {Shop!: {provider: shopify}}", "Shop!"},
	}
}

// What cannot work is refused before anything is installed, with the value's name.
func TestWhatCannotWorkIsRefused(t *testing.T) {
	for name, c := range refused() {
		t.Run(name, func(t *testing.T) {
			_, _, err := release{values: c.values}.render(t)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

// What a Secret of the chart holds stands in no other object, and not in the notes.
func TestSecretsStandInSecretsAlone(t *testing.T) {
	for name, values := range matrix(t) {
		objects, notes, err := release{values: values}.render(t)
		if err != nil {
			t.Fatal(err)
		}
		var held []string
		elsewhere := notes
		for _, text := range objects {
			var s corev1.Secret
			if err := yaml.Unmarshal([]byte(text), &s); err != nil || s.Kind != "Secret" {
				elsewhere += text
				continue
			}
			for _, data := range s.Data {
				held = append(held, string(data), base64.StdEncoding.EncodeToString(data))
			}
		}
		if len(held) == 0 && name != "all" {
			t.Errorf("%s has no Secret", name)
		}
		for _, secret := range held {
			if strings.Contains(elsewhere, secret) {
				t.Errorf("%s: %s stands outside of a Secret", name, secret)
			}
		}
	}
}

// Every option of a provider that is a secret is kept out of the values, however it is written.
func TestSecretsAmongOptionsAreRefused(t *testing.T) {
	seen := 0
	for _, path := range files(t, "../../bridge/provider/catalog/*.yaml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var p struct {
			Name    string
			Options []struct {
				Name   string
				Secret bool
			}
		}
		if err := yaml.Unmarshal(text, &p); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, o := range p.Options {
			if !o.Secret {
				continue
			}
			seen++
			for _, options := range []string{"{" + o.Name + ": x}", o.Name + "=x", "'a=b,  " + o.Name + " = x'", "{a: b, " + o.Name + ": x}"} {
				_, _, err := release{values: "sources: {shop: {provider: " + p.Name + ", options: " + options + "}}"}.render(t)
				if err == nil || !strings.Contains(err.Error(), o.Name+" is a secret") {
					t.Errorf("%s of %s: %v", options, p.Name, err)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("no provider has a secret among its options")
	}
	if _, _, err := (release{values: "providers: {acme.yaml: \"name: acme\\noptions: [{name: tag, secret: true, description: x}]\"}\nsources: {shop: {provider: sticky, options: {tag: suffix}}}"}).render(t); err != nil {
		t.Errorf("another provider's option of that name: %v", err)
	}
	if _, _, err := (release{values: "sources: {shop: {provider: hmac, options: {header: verify_token}}}\nendpoints: {crm: {url: 'https://crm.example', headers: {X-Team: 'token: none'}, auth: {oauth2: {token_url: 'https://login.example', client_id: me, client_secret: 'env:CRM'}}, tls: {ca: /etc/ca.pem, key: /run/secrets/key.pem, cert: 'file:/etc/cert.pem'}}}"}).render(t); err != nil {
		t.Error(err)
	}
}
