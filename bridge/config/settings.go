package config

import (
	"strings"
	"time"

	"github.com/hookspan/hookspan/bridge/setting"
)

// prefix begins every variable of ours.
const prefix = "HOOKSPAN_"

// Settings are those of the process as a whole.
type Settings struct {
	Listen      Address         `env:"LISTEN" envDefault:":8080" doc:"Public intake."`
	AdminListen Address         `env:"ADMIN_LISTEN" envDefault:"127.0.0.1:8081" doc:"API, health and metrics. Never the same listener as the intake."`
	Namespace   string          `env:"NAMESPACE" envDefault:"hookspan" doc:"First word of every topic, stream, bucket and group, so that two installations can share a cluster."`
	AdminToken  setting.Secret  `env:"ADMIN_TOKEN" default:"random on a bus of its own" doc:"Bearer token of the API. The random one is kept in the data folder, mode 0600; on a cluster, whose replicas share no folder, the API answers 503 without a token."`
	SealKey     setting.Secrets `env:"SEAL_KEY" default:"made once on a bus of its own" doc:"32 bytes in base64 that seal endpoint secrets on the bus; several for rotation, newest first, separated by spaces. On a cluster without a key the API takes no endpoint with a secret."`
	DataDir     string          `env:"DATA_DIR" envDefault:"./hookspan-data" doc:"Folder of the embedded bus; one process at a time. On NATS and Kafka nothing is kept there."`

	Origin string `env:"ORIGIN" default:"<namespace>" doc:"DNS name that endpoints know this installation by: WebHook-Request-Origin of a handshake, and of every request to an endpoint with one." example:"hooks.shop.example"`

	Bus                 Bus              `env:"BUS" envDefault:"embedded" doc:"Where events live: {buses}. Credentials have variables of their own."`
	DiskWatermark       setting.Size     `env:"DISK_WATERMARK" default:"the smaller of 5 % and 256 MB" doc:"Free space below which intake answers 503 (embedded bus)."`
	Retention           time.Duration    `env:"RETENTION" envDefault:"168h" min:"1s" doc:"How long events stay, 1s or more. A delivery whose event has gone ends as discarded, reason expired."`
	ConfigFile          string           `env:"CONFIG" doc:"One strict YAML file with the same settings, sources and endpoints; the environment overrides it."`
	ProvidersDir        string           `env:"PROVIDERS_DIR" doc:"Folder of your own provider files; one with the name of a built-in provider replaces it."`
	SchemasDir          string           `env:"SCHEMAS_DIR" doc:"Folder of JSON Schemas for events' data: <type>.json is for the types that begin with these words, <type>@2.json another version of it. One with the name of a built-in schema replaces it."`
	SchemasURL          BaseURL          `env:"SCHEMAS_URL" default:"the schema's own $id" doc:"Where schemas are found, here or elsewhere: an event's dataschema is this, /events/ and the file's name." example:"https://hooks.shop.example/schemas"`
	PublicSchemas       bool             `env:"PUBLIC_SCHEMAS" envDefault:"false" doc:"Serve the schemas below /schemas/ on the public listener, to everybody."`
	Lease               time.Duration    `env:"LEASE" envDefault:"10s" doc:"How long a silent replica keeps its shards, 2s to 5m (clusters)."`
	Roles               setting.List     `env:"ROLES" envDefault:"receiver,dispatcher,admin" words:"receiver dispatcher admin" doc:"What this process does: take webhooks in, deliver events, answer /v1. Health and metrics are always there."`
	TopicPrefix         string           `env:"TOPIC_PREFIX" default:"<namespace>.events" doc:"Topics of sources begin with it."`
	Stream              string           `env:"STREAM" default:"<NAMESPACE>_EVENTS" doc:"JetStream stream that holds the events (embedded bus and NATS)."`
	Topics              setting.List     `env:"TOPICS" default:"all below the prefix" doc:"Topics that the outbound side follows: NATS patterns such as orders.>; on Kafka names or /regex/ (one with a comma goes into the file)."`
	Tenant              string           `env:"TENANT" envDefault:"tenant" doc:"Where events that come on topics without the extension tenant have their tenant: the name of an attribute (subject, source, type or an extension), or a JSON pointer into the data such as /partner/id. The same in all replicas."`
	EgressAllow         setting.Prefixes `env:"EGRESS_ALLOW" doc:"Address ranges that endpoints may have besides the public internet, such as 127.0.0.0/8,10.0.0.0/8. Metadata addresses, in whatever form, and Hookspan's own listeners are refused whatever it says."`
	EgressHosts         Hosts            `env:"EGRESS_HOSTS" doc:"Names of hosts that endpoints may have whatever their addresses, by http too: what you run yourself, such as crm.shop.svc.cluster.local. What EGRESS_ALLOW never lets through is refused here too."`
	EgressHTTP          bool             `env:"EGRESS_HTTP" envDefault:"false" doc:"Plain http to public addresses."`
	EgressProxy         setting.Proxy    `env:"EGRESS_PROXY" default:"none" doc:"Proxy that webhooks go out through: http:// or https:// (asked by CONNECT, for http targets too) or socks5://, maybe with user:password@. It may be at any address; endpoints behind it are held to the rules as without it. The environment's HTTP_PROXY and its like are ignored." example:"http://proxy.example:3128"`
	EgressProxyResolves bool             `env:"EGRESS_PROXY_RESOLVES" envDefault:"false" doc:"Proxies that the environment or the file names resolve the names of endpoints, where names outside cannot be resolved here. Then the proxy has to refuse what endpoints must not reach: here only addresses in URLs, ports and plain http are judged."`
	StopGrace           time.Duration    `env:"STOP_GRACE" envDefault:"25s" doc:"How long a stop may take in all: running attempts finish, what they did is written, the bus is closed. Less than the supervisor waits before it kills (Kubernetes: 30s)."`
	PublishTimeout      time.Duration    `env:"PUBLISH_TIMEOUT" envDefault:"5s" doc:"How long intake waits for the bus before it answers 503."`

	JournalRetention time.Duration    `env:"JOURNAL_RETENTION" envDefault:"168h" min:"1s" doc:"How long attempts and refusals can be looked up, 1s or more, and at most a tenth of the store."`
	IntakeMemory     setting.Size     `env:"INTAKE_MEMORY" envDefault:"256MiB" doc:"Bodies in hand, unpacked and parsed, all requests together; beyond it 503 (overloaded). One source, where there are several, and one sender may have half. Checks against schemas have a quarter, where a source asks for them."`
	MaxConnections   int              `env:"MAX_CONNECTIONS" default:"half of the file limit, at most 8192" doc:"Connections of the intake. When there are more, those that wait longest for a request are closed; an eighth of the file limit is for connections to endpoints, and a quarter is always left for the bus and the API."`
	TrustedProxies   setting.Prefixes `env:"TRUSTED_PROXIES" doc:"Address ranges whose X-Forwarded-For, -Proto, -Host, -Port and Forwarded are believed; of a list the first value counts."`
	Replicas         int              `env:"REPLICAS" default:"3 where the bus has three servers, else 1" doc:"Copies of the streams and topics that are created on a cluster."`
	LogLevel         Level            `env:"LOG_LEVEL" envDefault:"info" doc:"debug, info, warn or error."`
	LogFormat        string           `env:"LOG_FORMAT" default:"text on a terminal, else json" words:"text json" doc:"text or json."`
}

// TLS of a listener; both files are read again when they change.
type TLS struct {
	Cert    string `env:"CERT" doc:"Certificate chain in PEM: this listener speaks TLS."`
	KeyFile string `env:"KEY_FILE" file:"secret" doc:"Private key of the certificate, in PEM."`
}

// BusTLS is TLS to a bus outside the process, and between the members of an embedded cluster.
type BusTLS struct {
	CA      string `env:"CA" default:"the system's" doc:"Authorities that the bus's certificate must come from, in PEM."`
	Cert    string `env:"CERT" doc:"Client certificate, in PEM; read again at each connection."`
	KeyFile string `env:"KEY_FILE" file:"secret" doc:"Private key of the client certificate, in PEM."`
}

// SMTP is the mail server that alerts go by.
type SMTP struct {
	URL      setting.MailServer `env:"URL" default:"none: no mail" doc:"Mail server that alerts go by, smtp://user@host:587 or smtps://user@host:465. With smtp:// by STARTTLS where the server offers it, and only so with a password; its certificate must come from the system's authorities (SSL_CERT_FILE). The same in all replicas." example:"smtp://hookspan@mail.example:587"`
	Password setting.Secret     `env:"PASSWORD" doc:"Password of the user in HOOKSPAN_SMTP_URL."`
}

// Alert is who mails alerts to whom.
type Alert struct {
	From setting.Mailbox `env:"FROM" doc:"Sender of alerts. Needed with HOOKSPAN_SMTP_URL." example:"Hookspan <hooks@shop.example>"`
	To   Recipients      `env:"TO" doc:"Addresses that alerts are mailed to, separated by commas; tenant=address gets those about the endpoints of one tenant. An endpoint may have others beside them (alert_to)." example:"ops@shop.example,acme=hooks@acme.example"`
}

// A group is a struct of settings and what its variables have in front.
type group struct {
	prefix string
	title  string
	into   any
}

// documented are its settings as documents show them.
func (g group) documented() setting.Fields {
	return setting.Of(g.into).Naming("buses", []string{BusForms()})
}

// groups lists every struct of settings but those of sources and endpoints.
func (c *Config) groups() []group {
	return []group{
		{prefix, "Process", &c.Settings},
		{prefix + "TLS_", "TLS of the intake", &c.TLS},
		{prefix + "ADMIN_TLS_", "TLS of the admin listener", &c.AdminTLS},
		{prefix + "EMBEDDED_", "Embedded bus", &c.Embedded},
		{prefix + "EMBEDDED_TLS_", "TLS of NATS clients of the embedded bus", &c.EmbeddedTLS},
		{prefix + "BUS_", "TLS to the bus: " + strings.Join(secureSchemes(), ", ") + ", members of an embedded cluster", &c.BusTLS},
		{prefix + "SMTP_", "Mail server", &c.SMTP},
		{prefix + "ALERT_", "Alerts by mail", &c.Alert},
		{prefix + "NATS_", "NATS cluster", &c.NATS},
		{prefix + "KAFKA_", "Kafka cluster", &c.Kafka},
	}
}
