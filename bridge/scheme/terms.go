package scheme

import (
	"slices"
	"strings"

	"github.com/hookspan/hookspan/bridge/scheme/declaration"
)

// Terms are the values that exist. Those with a colon need a name behind it.
func Terms() []declaration.Term { return slices.Clone(terms) }

var terms = []declaration.Term{
	{Name: "body", Doc: "The body as it came.", Example: "{header:X-Acme-Timestamp}.{body}"},
	{Name: "unpacked", Doc: "The body before gzip, for senders that sign before they compress.", Example: "{unpacked}"},
	{Name: "header:Name", Doc: "A header; several lines are joined with commas. Host is that of the URL that the sender was told.", Example: "header:X-Acme-Event"},
	{Name: "query:name", Doc: "A parameter of the URL's query.", Example: "query:challenge"},
	{Name: "form:name", Doc: "A field of a form.", Example: "form:order_id"},
	{Name: "json:/pointer", Doc: "A value of a JSON body, by its pointer (RFC 6901).", Example: "order.{json:/data/status}"},
	{Name: "item:name", Doc: "A member of the signature's own list, such as t in t=…,v1=…; of a jws a claim.", Example: "{item:t}.{body}"},
	{Name: "url", Doc: "The URL that the sender was told, with its query; it is tried with and without a port, and without capitals in scheme and host.", Example: "{url}{body}"},
	{Name: "bare-url", Doc: "The same without its query.", Example: "{bare-url}{sorted-form}"},
	{Name: "path", Doc: "The path of that URL.", Example: "{method} {path}\\n{body}"},
	{Name: "sorted-query", Doc: "The names and values of the query, decoded, sorted and joined, as in a=1&b=2; absent where there are none.", Example: "{bare-url}?{sorted-query}"},
	{Name: "method", Doc: "The method of the request.", Example: "{method}{url}{body}"},
	{Name: "sorted-form", Doc: "The names and values of a form, sorted by name and joined, a repeated value once.", Example: "{url}{sorted-form}"},
	{Name: "secret", Doc: "The secret, in what is hashed. An hmac whose content holds it is a plain hash.", Example: "{secret}{body}{secret}"},
	{Name: "hmac:hash:encoding:value", Doc: "The HMAC of a value under the first secret, which is read like that of the first hmac of verify, in hex or base64.", Example: "{hmac:sha256:base64:query:crc_token}"},
	{Name: "hash:hash:encoding:value", Doc: "The plain hash of a value, in hex or base64; or of several that + joins, of which option:name is an option that is a secret.", Example: "{hash:sha256:hex:body}"},
	{Name: "crc32:value", Doc: "The CRC-32 of a value, in decimal.", Example: "{header:X-Acme-Id}|{crc32:body}"},
	{Name: "sorted-fields", Doc: "The same with a repeated value as often as it came.", Example: "{url}{sorted-fields}"},
	{Name: "qsh", Doc: "The hash of method, path and query that Atlassian Connect has in its tokens.", Example: "{qsh}"},
	{Name: "headers:Name", Doc: "The headers that this one lists between commas, as name:value, in small letters, sorted, with ; between them.", Example: "{headers:X-Acme-Signed-Headers}{body}"},
	{Name: "lines:name", Doc: "The lines that this member of the signature's own list names, as HTTP Signatures have them (draft-cavage-http-signatures, 2.3): digest, made of the body, and date have to be among them.", Example: "{lines:headers}"},
	{Name: "if:value", Doc: "Nothing; but where that value is not there, neither is the whole template.", Example: "{if:form:payload}{json:/type}"},
	{Name: "unless:value", Doc: "Nothing; but where that value is there, the whole template is not.", Example: "{unless:sorted-query}{json:/type}"},
	{Name: "rate", Doc: "What a source takes, in requests a minute; * where it has no bound. For the answer to a handshake.", Example: "{rate}"},
}

// bodies are the values that hold all of a body.
var bodies = []string{"body", "unpacked", "sorted-form", "sorted-fields", "lines"}

// Filters stand behind a value, as in {json:/url|parent}.
var filters = []declaration.Term{
	{Name: "parent", Doc: "Without the last segment of the path that it holds.", Example: "{json:/resource|parent}"},
	{Name: "empty", Doc: "An empty text where it is missing.", Example: "{json:/code|empty}:{body}"},
	{Name: "lower", Doc: "In small letters.", Example: "{query:id|lower}"},
}

// Filters are all of them.
func Filters() []declaration.Term { return slices.Clone(filters) }

// termOf says whether a value exists, and whether it needs a name.
func termOf(kind string) (needs, known bool) {
	for _, one := range terms {
		if name, _, named := strings.Cut(one.Name, ":"); name == kind {
			return named, true
		}
	}
	return false, false
}
