package config

import (
	"time"

	"github.com/hookspan/hookspan/bridge/setting"
)

// A Source is one configured intake. Its variables begin with HOOKSPAN_SOURCE_<NAME>_.
type Source struct {
	Name      string
	ManagedBy string // env or file

	SecretsSplit bool // the secrets came as one text, which was taken apart at its spaces

	Provider    string          `env:"PROVIDER" doc:"How the sender signs, encrypts and names: see hookspan provider list. Required."`
	Secrets     setting.Secrets `env:"SECRETS" doc:"Secrets shared with the sender, separated by spaces, newest first; all are tried."`
	URI         string          `env:"URI" default:"/sources/<name>" doc:"CloudEvents source, taken as it is."`
	Topic       string          `env:"TOPIC" default:"<prefix>.<name>" doc:"Topic of its events. On JetStream the provider's type is appended; on Kafka all types share the topic."`
	TypePrefix  string          `env:"TYPE_PREFIX" default:"the provider's" doc:"Replaces the front of the event type, without the last dot."`
	PublicURL   string          `env:"PUBLIC_URL" default:"as requested" doc:"URL that the sender was told, without query; for signatures over the URL."`
	Content     string          `env:"CONTENT" envDefault:"binary" words:"binary structured" doc:"CloudEvents mode on the bus: binary or structured."`
	Tolerance   *time.Duration  `env:"TOLERANCE" default:"the provider's" doc:"How far a request's time may be from ours; 0 is no check."`
	DedupWindow *time.Duration  `env:"DEDUP_WINDOW" default:"72h, or the retention if that is less" doc:"How long a repeated id is recognised, to the second; 0 recognises none. Not longer than the retention."`
	DedupKey    string          `env:"DEDUP_KEY" envDefault:"provider" doc:"What repeats are recognised by: provider (its id, else a hash of what was signed), content (a hash of the data), none, header:Name or a JSON pointer such as /order/id."`
	Altered     string          `env:"ALTERED" envDefault:"publish" words:"publish quarantine drop" doc:"What to do with a repeated id that came with another body, and with a signed request that came again under another id: publish (a repeated id gets one of its own, the extension hookspanoriginalid holds the provider's), quarantine or drop."`
	MaxBody     setting.Size    `env:"MAX_BODY" default:"what the provider sends, else 1MiB" doc:"Largest body, also after unpacking gzip; less where the bus takes less."`
	Rate        setting.Rate    `env:"RATE" doc:"Requests taken, such as 50/s or 3000/m; beyond it 429."`
	Invalid     string          `env:"INVALID" envDefault:"quarantine" words:"quarantine accept reject" doc:"What to do with a verified body that is not what the provider sends: quarantine, accept or reject."`
	Schema      string          `env:"SCHEMA" envDefault:"off" words:"off warn quarantine reject" doc:"Check bodies against the event's schema: off, warn, quarantine or reject."`
	Options     setting.Options `env:"OPTIONS" doc:"key=value,… as the provider declares; a comma inside a value is written \\,."`
}
