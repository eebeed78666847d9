package config

import "time"

// prefix begins every variable of ours.
const prefix = "HOOKSPAN_"

// Settings are those of the process as a whole.
type Settings struct {
	Listen      Address `env:"LISTEN" envDefault:":8080" doc:"Public intake."`
	AdminListen Address `env:"ADMIN_LISTEN" envDefault:"127.0.0.1:8081" doc:"API, health and metrics. Never the same listener as the intake."`
	Namespace   string  `env:"NAMESPACE" envDefault:"hookspan" doc:"First word of every topic, stream, bucket and group, so that two installations can share a cluster."`
	AdminToken  Secret  `env:"ADMIN_TOKEN" default:"random with the embedded bus" doc:"Bearer token of the API. The random one is kept in the data folder, mode 0600; on a cluster without a token the API answers 503."`
	SealKey     Secrets `env:"SEAL_KEY" default:"made once with the embedded bus" doc:"32 bytes in base64 that seal endpoint secrets on the bus; several for rotation, newest first, separated by spaces."`
	DataDir     string  `env:"DATA_DIR" envDefault:"./hookspan-data" doc:"Folder of the embedded bus. One process at a time."`

	Bus            Bus           `env:"BUS" envDefault:"embedded" doc:"Where events live: embedded, nats://host:4222,…, tls://…, kafka://host:9092,… or kafka+tls://…. This version runs on embedded."`
	DiskWatermark  Size          `env:"DISK_WATERMARK" default:"the smaller of 5 % and 256 MB" doc:"Free space below which intake answers 503."`
	Retention      time.Duration `env:"RETENTION" envDefault:"168h" doc:"How long events stay. A delivery whose event has gone ends as discarded, reason expired."`
	ConfigFile     string        `env:"CONFIG" doc:"One strict YAML file with the same settings, sources and endpoints; the environment overrides it."`
	ProvidersDir   string        `env:"PROVIDERS_DIR" doc:"Folder of your own provider files; one with the name of a built-in provider replaces it."`
	Lease          time.Duration `env:"LEASE" envDefault:"10s" doc:"How long a silent replica keeps its shards (clusters)."`
	Roles          List          `env:"ROLES" envDefault:"receiver,dispatcher,admin" words:"receiver dispatcher admin" doc:"What this process does. This version runs all three in one process."`
	TopicPrefix    string        `env:"TOPIC_PREFIX" default:"<namespace>.events" doc:"Topics of sources begin with it."`
	Stream         string        `env:"STREAM" default:"<NAMESPACE>_EVENTS" doc:"JetStream stream that holds the events."`
	Topics         List          `env:"TOPICS" default:"<prefix>.>" doc:"Topics that the outbound side follows (NATS patterns)."`
	EgressAllow    Prefixes      `env:"EGRESS_ALLOW" doc:"Address ranges that endpoints may have besides the public internet, such as 127.0.0.0/8,10.0.0.0/8. Metadata addresses are refused whatever it says."`
	EgressHTTP     bool          `env:"EGRESS_HTTP" envDefault:"false" doc:"Plain http to public addresses."`
	StopGrace      time.Duration `env:"STOP_GRACE" envDefault:"25s" doc:"How long a stop waits for running attempts."`
	PublishTimeout time.Duration `env:"PUBLISH_TIMEOUT" envDefault:"5s" doc:"How long intake waits for the bus before it answers 503."`

	JournalRetention time.Duration `env:"JOURNAL_RETENTION" envDefault:"168h" doc:"How long attempts and refusals can be looked up, and at most a tenth of the store."`
	IntakeMemory     Size          `env:"INTAKE_MEMORY" envDefault:"256MiB" doc:"Bodies in hand, all requests together; beyond it 503 (overloaded)."`
	TrustedProxies   Prefixes      `env:"TRUSTED_PROXIES" doc:"Address ranges whose X-Forwarded-For, -Proto and -Host are believed."`
	Replicas         int           `env:"REPLICAS" default:"3 where the bus has three servers, else 1" doc:"Copies of what is created on a cluster."`
	LogLevel         Level         `env:"LOG_LEVEL" envDefault:"info" doc:"debug, info, warn or error."`
	LogFormat        string        `env:"LOG_FORMAT" default:"text on a terminal, else json" words:"text json" doc:"text or json."`
}

// TLS of a listener; both files are read again when they change.
type TLS struct {
	Cert    string `env:"CERT" doc:"Certificate chain in PEM: this listener speaks TLS."`
	KeyFile string `env:"KEY_FILE" doc:"Private key of the certificate, in PEM."`
}

// Embedded is the bus inside the process.
type Embedded struct {
	Listen       Address `env:"LISTEN" doc:"host:port for NATS clients that subscribe and publish; none unless set, and only on loopback without user and password."`
	Sync         string  `env:"SYNC" envDefault:"group" words:"group always lazy" doc:"When an event counts as durable: group (one sync for all requests in flight), always (a sync each) or lazy (no sync before the answer)."`
	MaxStore     Size    `env:"MAX_STORE" default:"80 % of what is free or already stored" doc:"Size limit of the store."`
	User         string  `env:"USER" doc:"User for NATS clients."`
	Password     Secret  `env:"PASSWORD" doc:"Password for NATS clients."`
	Cluster      string  `env:"CLUSTER" doc:"Cluster name (later version)."`
	RoutesListen Address `env:"ROUTES_LISTEN" envDefault:":6222" doc:"Address for the other members of the cluster (later version)."`
	Peers        List    `env:"PEERS" doc:"h1:6222,h2:6222,… or dns:NAME (later version)."`
}

// BusTLS is TLS to a bus outside the process.
type BusTLS struct {
	CA      string `env:"CA" doc:"Certificates that the bus's own must come from, in PEM."`
	Cert    string `env:"CERT" doc:"Client certificate, in PEM."`
	KeyFile string `env:"KEY_FILE" doc:"Private key of the client certificate, in PEM."`
}

// NATS is how to log in to a NATS cluster.
type NATS struct {
	Creds     string `env:"CREDS" doc:"Credentials file."`
	NKeyFile  string `env:"NKEY_FILE" doc:"Seed file."`
	Token     Secret `env:"TOKEN" doc:"Token."`
	User      string `env:"USER" doc:"User."`
	Password  Secret `env:"PASSWORD" doc:"Password."`
	Domain    string `env:"DOMAIN" doc:"JetStream domain."`
	APIPrefix string `env:"API_PREFIX" doc:"JetStream API prefix."`
}

// Kafka is how to log in to a Kafka cluster and what to create there.
type Kafka struct {
	SASL              string `env:"SASL" words:"plain scram-sha-256 scram-sha-512 oauthbearer" doc:"plain, scram-sha-256, scram-sha-512 or oauthbearer."`
	User              string `env:"USER" doc:"User."`
	Password          Secret `env:"PASSWORD" doc:"Password."`
	OAuthTokenURL     string `env:"OAUTH_TOKEN_URL" doc:"Where tokens are issued."`
	OAuthClientID     string `env:"OAUTH_CLIENT_ID" doc:"Client id."`
	OAuthClientSecret Secret `env:"OAUTH_CLIENT_SECRET" doc:"Client secret."`
	OAuthScopes       List   `env:"OAUTH_SCOPES" doc:"Scopes."`
	Partitions        int    `env:"PARTITIONS" envDefault:"12" doc:"Partitions of topics that are created."`
}

// A group is a struct of settings and what its variables have in front.
type group struct {
	prefix string
	title  string
	into   any
}

// groups lists every struct of settings but those of sources and endpoints.
func (c *Config) groups() []group {
	return []group{
		{prefix, "Process", &c.Settings},
		{prefix + "TLS_", "TLS of the intake", &c.TLS},
		{prefix + "ADMIN_TLS_", "TLS of the admin listener", &c.AdminTLS},
		{prefix + "EMBEDDED_", "Embedded bus", &c.Embedded},
		{prefix + "BUS_", "TLS to a bus (later version)", &c.BusTLS},
		{prefix + "NATS_", "NATS cluster (later version)", &c.NATS},
		{prefix + "KAFKA_", "Kafka cluster (later version)", &c.Kafka},
	}
}
