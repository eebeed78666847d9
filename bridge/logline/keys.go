package logline

import (
	"log/slog"
	"time"
)

// suppressedKey counts lines that were left out.
const suppressedKey = "suppressed"

// Suppressed is how many lines of the same kind were left out before this one, and nothing where
// none was.
func Suppressed(n int64) slog.Attr {
	if n == 0 {
		return slog.Attr{} // which handlers ignore
	}
	return slog.Int64(suppressedKey, n)
}

// Took is how long something took, in the unit of the API.
func Took(d time.Duration) slog.Attr {
	return slog.Float64("duration_ms", float64(d.Microseconds())/1000)
}

// keys are all that facts are named by, and what each is. One key is one idea wherever it
// stands, so that a search over the log of all processes finds all of it.
func keys() map[string]string {
	return map[string]string{
		"accepted":       "of how many of those that match something was asked",
		"admin":          "address of the admin listener",
		"alerts":         "number of alerts that are or were to be mailed",
		"asked":          "how many the configuration asks for",
		"attempt":        "number of an attempt of a delivery, from 1",
		"attribute":      "attribute of an event",
		"bucket":         "key-value bucket",
		"bus_max_bytes":  "largest body that the bus takes",
		"by":             "who or what asked for it",
		"cgroup_bytes":   "memory that the cgroup allows",
		"code":           "code of the problem that was answered",
		"command":        "what was asked of deliveries",
		"connection":     "name of a connection to the bus",
		"connections":    "number of connections",
		"cut":            "whether what is kept is cut short",
		"delivery":       "id of a delivery",
		"detail":         "in words, for people",
		"duration_ms":    "how long it took, in milliseconds",
		"endpoint":       "name of an endpoint",
		"endpoint_id":    "id of an endpoint",
		"endpoints":      "number of endpoints",
		"error":          "what went wrong",
		"event":          "id of an event",
		"events":         "number of events",
		"failures":       "number of failed logins since the last line",
		"file":           "path of a file",
		"files":          "number of files that the process may open",
		"first":          "first position that is still there",
		"free_bytes":     "free space of the volume",
		"from":           "position where it begins",
		"generation":     "generation of a consumer group",
		"group":          "consumer group",
		"intake":         "address of the intake",
		"landed":         "whether an event that was in doubt lies on the bus",
		"limit":          "how many there may be",
		"limit_bytes":    "memory, or room of a store, that is kept to",
		"matched":        "how many match a query",
		"max_body_bytes": "largest body of a source",
		"max_bytes":      "size limit of a stream",
		"member":         "a replica among those that share the shards",
		"members":        "number of events in a batch",
		"method":         "method of a request",
		"new":            "what it is from now on",
		"next":           "when the next attempt is due",
		"next_probe":     "when an attempt tries an endpoint whose breaker is open",
		"old":            "what it was before",
		"outcome":        "how a delivery ended",
		"overlap_until":  "until when the secrets of before sign beside a new one",
		"partition":      "a stream, or a topic and its partition",
		"pattern":        "of topics, in HOOKSPAN_TOPICS",
		"place":          "partition, identity and position of an event, for good",
		"partitions":     "several of them",
		"path":           "path of a request, without its query",
		"per_minute":     "requests a minute that an endpoint allows; 0 for any number",
		"policy":         "what a setting says is done in such a case",
		"position":       "position in a partition or log",
		"proof":          "what is known of a source's requests at best",
		"provider":       "how a sender signs and names",
		"quarantined":    "id of an event in quarantine",
		"reason":         "reason from a closed list",
		"records":        "number of records",
		"remote":         "address of whoever sent a request",
		"replay":         "id of a replay",
		"replicas":       "copies on the bus",
		"routes":         "address where members of the cluster connect",
		"seal_key":       "ids of seal keys",
		"server":         "name of a server of the bus",
		"servers":        "number of servers",
		"session":        "session of a member",
		"setting":        "variable or key of the configuration",
		"shard":          "number of a shard",
		"since":          "when a breaker opened",
		"source":         "name of a source",
		"spans":          "number of spans that were dropped",
		"sources":        "number of sources",
		"stack":          "stack of a panic",
		"state":          "state of an endpoint",
		"status":         "status code of an HTTP answer",
		"stream":         "stream of JetStream",
		"streams":        "number of streams of JetStream",
		"subject":        "subject of an event",
		suppressedKey:    "lines of the same kind that were left out before this one",
		"tenant":         "whose an event is",
		"to":             "position where it ends",
		"topic":          "topic of an event",
		"type":           "type of an event",
		"used_bytes":     "what is used of a store",
		"variables":      "names of variables of the environment",
	}
}
