package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hookspan/hookspan/bridge/config"
	"github.com/hookspan/hookspan/bridge/setting"
)

func TestBusOfEveryKind(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]config.Bus{
		"embedded":                        {Kind: config.BusEmbedded},
		"nats://h1:4222,h2:4222":          {Kind: config.BusNATS, Servers: []string{"h1:4222", "h2:4222"}},
		"nats://h1:4222,nats://h2:4222":   {Kind: config.BusNATS, Servers: []string{"h1:4222", "h2:4222"}},
		"tls://h1:4222":                   {Kind: config.BusNATS, Servers: []string{"h1:4222"}, TLS: true},
		"kafka://b1:9092,b2:9092":         {Kind: config.BusKafka, Servers: []string{"b1:9092", "b2:9092"}},
		"kafka+tls://b1:9093,[fd00::1]:9": {Kind: config.BusKafka, Servers: []string{"b1:9093", "[fd00::1]:9"}, TLS: true},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			c := load(t, "HOOKSPAN_BUS="+text)
			if diff := cmp.Diff(want, c.Bus); diff != "" {
				t.Error(diff)
			}
			if c.Alone() != (want.Kind == config.BusEmbedded) {
				t.Errorf("alone: %v", c.Alone())
			}
		})
	}
}

func TestSettingsOfTheBusAreHeldAgainstEachOther(t *testing.T) {
	t.Parallel()
	const nats, tls, kafka = "HOOKSPAN_BUS=nats://h1:4222", "HOOKSPAN_BUS=tls://h1:4222", "HOOKSPAN_BUS=kafka://b1:9092"
	const cluster = "HOOKSPAN_EMBEDDED_CLUSTER=shop"
	endpoint := []string{"HOOKSPAN_ENDPOINTS=crm", "HOOKSPAN_ENDPOINT_CRM_URL=https://crm.example"}
	source := []string{"HOOKSPAN_SOURCES=shop", "HOOKSPAN_SOURCE_SHOP_PROVIDER=sticker"}
	for name, c := range map[string]struct {
		environ []string
		want    string
	}{
		"two logins":               {[]string{nats, "HOOKSPAN_NATS_TOKEN=t", "HOOKSPAN_NATS_CREDS=/c"}, "HOOKSPAN_NATS_TOKEN: given together with HOOKSPAN_NATS_CREDS"},
		"user without password":    {[]string{nats, "HOOKSPAN_NATS_USER=u"}, "HOOKSPAN_NATS_PASSWORD: user and password belong together"},
		"domain of two words":      {[]string{nats, "HOOKSPAN_NATS_DOMAIN=a b"}, "HOOKSPAN_NATS_DOMAIN: want one word"},
		"prefix of everything":     {[]string{nats, "HOOKSPAN_NATS_API_PREFIX=$JS.>"}, "HOOKSPAN_NATS_API_PREFIX: want words"},
		"domain and prefix":        {[]string{nats, "HOOKSPAN_NATS_DOMAIN=hub", "HOOKSPAN_NATS_API_PREFIX=x"}, "given together with HOOKSPAN_NATS_DOMAIN"},
		"authority without TLS":    {[]string{nats, "HOOKSPAN_BUS_CA=/ca"}, "HOOKSPAN_BUS_CA: needs a bus with TLS"},
		"certificate without TLS":  {[]string{kafka, "HOOKSPAN_BUS_CERT=/c", "HOOKSPAN_BUS_KEY_FILE=/k"}, "HOOKSPAN_BUS_CERT: needs a bus with TLS"},
		"certificate without key":  {[]string{tls, "HOOKSPAN_BUS_CERT=/c"}, "HOOKSPAN_BUS_KEY_FILE: certificate and key belong together"},
		"server without port":      {[]string{"HOOKSPAN_BUS=nats://h1"}, "HOOKSPAN_BUS: want host:port for every server"},
		"two schemes":              {[]string{"HOOKSPAN_BUS=nats://h1:4222,tls://h2:4222"}, "HOOKSPAN_BUS: want host:port for every server"},
		"six copies":               {[]string{nats, "HOOKSPAN_REPLICAS=6"}, "HOOKSPAN_REPLICAS: want 1, 3 or 5"},
		"copies of a single bus":   {[]string{"HOOKSPAN_REPLICAS=3"}, "HOOKSPAN_REPLICAS: a bus of its own keeps one copy"},
		"user without sasl":        {[]string{kafka, "HOOKSPAN_KAFKA_USER=u", "HOOKSPAN_KAFKA_PASSWORD=p"}, "HOOKSPAN_KAFKA_USER: needs HOOKSPAN_KAFKA_SASL"},
		"sasl without password":    {[]string{kafka, "HOOKSPAN_KAFKA_SASL=scram-sha-512", "HOOKSPAN_KAFKA_USER=u"}, "HOOKSPAN_KAFKA_PASSWORD: missing; scram-sha-512 needs user and password"},
		"oauth without secret":     {[]string{kafka, "HOOKSPAN_KAFKA_SASL=oauthbearer", "HOOKSPAN_KAFKA_OAUTH_CLIENT_ID=i"}, "HOOKSPAN_KAFKA_OAUTH_TOKEN_URL: missing"},
		"oauth with user":          {[]string{kafka, "HOOKSPAN_KAFKA_SASL=oauthbearer", "HOOKSPAN_KAFKA_USER=u"}, "HOOKSPAN_KAFKA_USER: has no place in oauthbearer"},
		"password with oauth":      {[]string{kafka, "HOOKSPAN_KAFKA_SASL=plain", "HOOKSPAN_KAFKA_OAUTH_CLIENT_ID=i"}, "HOOKSPAN_KAFKA_OAUTH_CLIENT_ID: has no place in plain"},
		"unknown sasl":             {[]string{kafka, "HOOKSPAN_KAFKA_SASL=md5"}, "HOOKSPAN_KAFKA_SASL: want plain, scram-sha-256"},
		"expression":               {[]string{kafka, `HOOKSPAN_TOPICS=/shop\.(/`}, "HOOKSPAN_TOPICS: want a regular expression between slashes"},
		"half an expression":       {[]string{kafka, "HOOKSPAN_TOPICS=/a{1,2}/"}, "HOOKSPAN_TOPICS: want a regular expression between slashes"},
		"wildcard on Kafka":        {[]string{kafka, "HOOKSPAN_TOPICS=shop.>"}, "HOOKSPAN_TOPICS: want names of Kafka topics"},
		"expression on NATS":       {[]string{nats, "HOOKSPAN_TOPICS=/a b/"}, "HOOKSPAN_TOPICS: want NATS patterns"},
		"wildcard in the middle":   {[]string{"HOOKSPAN_TOPICS=shop.>.x"}, "HOOKSPAN_TOPICS: want NATS patterns"},
		"topic that Kafka refuses": {append([]string{kafka, "HOOKSPAN_SOURCE_SHOP_TOPIC=größe"}, source...), "HOOKSPAN_SOURCE_SHOP_TOPIC: want a Kafka topic's name"},
		"prefix too long":          {[]string{kafka, "HOOKSPAN_TOPIC_PREFIX=" + strings.Repeat("a", 250)}, "HOOKSPAN_TOPIC_PREFIX: want a Kafka topic's name"},
		"cluster without peers":    {[]string{cluster}, "HOOKSPAN_EMBEDDED_PEERS: missing"},
		"peers without cluster":    {[]string{"HOOKSPAN_EMBEDDED_PEERS=a:1,b:1,c:1"}, "HOOKSPAN_EMBEDDED_CLUSTER: missing"},
		"two peers":                {[]string{cluster, "HOOKSPAN_EMBEDDED_PEERS=a:1,b:1"}, "HOOKSPAN_EMBEDDED_PEERS: want all members, this one too"},
		"peer without port":        {[]string{cluster, "HOOKSPAN_EMBEDDED_PEERS=a,b:1,c:1"}, "HOOKSPAN_EMBEDDED_PEERS: want all members as"},
		"name among peers":         {[]string{cluster, "HOOKSPAN_EMBEDDED_PEERS=dns:x,b:1,c:1"}, "HOOKSPAN_EMBEDDED_PEERS: want all members as"},
		"list and size":            {[]string{cluster, "HOOKSPAN_EMBEDDED_PEERS=a:1,b:1,c:1", "HOOKSPAN_EMBEDDED_CLUSTER_SIZE=5"}, "HOOKSPAN_EMBEDDED_CLUSTER_SIZE: the list of peers says it already"},
		"cluster of two":           {[]string{cluster, "HOOKSPAN_EMBEDDED_PEERS=dns:x", "HOOKSPAN_EMBEDDED_CLUSTER_SIZE=2"}, "HOOKSPAN_EMBEDDED_CLUSTER_SIZE: want at least three"},
		"half of TLS in a cluster": {[]string{cluster, "HOOKSPAN_EMBEDDED_PEERS=dns:x", "HOOKSPAN_BUS_CERT=/c", "HOOKSPAN_BUS_KEY_FILE=/k"}, "HOOKSPAN_BUS_CA: missing; members of a cluster"},
		"cluster for anybody":      {[]string{cluster, "HOOKSPAN_EMBEDDED_PEERS=dns:x"}, "HOOKSPAN_SEAL_KEY: missing; by it the members"},
		"and on an address":        {[]string{cluster, "HOOKSPAN_EMBEDDED_PEERS=dns:x", "HOOKSPAN_EMBEDDED_ROUTES_LISTEN=10.0.0.1:6222"}, "HOOKSPAN_SEAL_KEY: missing; by it the members"},
		"key without certificate":  {[]string{"HOOKSPAN_EMBEDDED_LISTEN=:4222", "HOOKSPAN_EMBEDDED_TLS_KEY_FILE=/k"}, "HOOKSPAN_EMBEDDED_TLS_KEY_FILE: certificate and key belong together"},
		"everything there is":      {[]string{"HOOKSPAN_TOPICS=>"}, "HOOKSPAN_TOPICS: takes in subjects of the server itself"},
		"everything, by a word":    {[]string{"HOOKSPAN_TOPICS=*.>"}, "HOOKSPAN_TOPICS: takes in subjects of the server itself"},
		"the server's topics":      {[]string{"HOOKSPAN_TOPICS=$SYS.x"}, "HOOKSPAN_TOPICS: takes in subjects of the server itself"},
		"the server's prefix":      {[]string{nats, "HOOKSPAN_TOPIC_PREFIX=$JS"}, "HOOKSPAN_TOPIC_PREFIX: names subjects of the server itself"},
		"a source's, the server's": {append([]string{"HOOKSPAN_SOURCE_SHOP_TOPIC=$SYS.shop"}, source...), "HOOKSPAN_SOURCE_SHOP_TOPIC: names subjects of the server itself"},
		"store for nothing":        {[]string{"HOOKSPAN_EMBEDDED_MAX_STORE=1KiB"}, "HOOKSPAN_EMBEDDED_MAX_STORE: want 1MiB or more"},
		"short lease":              {[]string{nats, "HOOKSPAN_LEASE=1s"}, "HOOKSPAN_LEASE: want 2s to 5m"},
		"endpoint without secret":  {append([]string{nats}, endpoint...), "HOOKSPAN_ENDPOINT_CRM_SECRETS: missing; the replicas of a cluster share no folder"},
		"and in a cluster of ours": {append([]string{cluster, "HOOKSPAN_EMBEDDED_PEERS=dns:shop.example"}, endpoint...), "HOOKSPAN_ENDPOINT_CRM_SECRETS: missing"},
		"no such role":             {[]string{nats, "HOOKSPAN_ROLES=receiver,sender"}, "HOOKSPAN_ROLES: want receiver, dispatcher or admin"},
		"topic of ours":            {append([]string{kafka, "HOOKSPAN_SOURCE_SHOP_TOPIC=hookspan.seen"}, source...), "this topic is Hookspan's own"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if found := problems(t, c.environ...); !strings.Contains(found.Error(), c.want) {
				t.Errorf("want %q in:\n%v", c.want, found)
			}
		})
	}
}

// sealKey is 32 times the letter A.
const sealKey = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="

func TestSettingsOfTheBusThatDoNoHarmAreWarnings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ []string
		want    string // "": nothing to say
	}{
		"NATS on Kafka":       {[]string{"HOOKSPAN_BUS=kafka://b1:9092", "HOOKSPAN_NATS_TOKEN=t"}, "HOOKSPAN_NATS_TOKEN: has no effect on this bus"},
		"stream on Kafka":     {[]string{"HOOKSPAN_BUS=kafka://b1:9092", "HOOKSPAN_STREAM=S"}, "HOOKSPAN_STREAM: has no effect"},
		"embedded on NATS":    {[]string{"HOOKSPAN_BUS=nats://h1:4222", "HOOKSPAN_EMBEDDED_SYNC=lazy"}, "HOOKSPAN_EMBEDDED_SYNC: has no effect"},
		"Kafka on NATS":       {[]string{"HOOKSPAN_BUS=nats://h1:4222", "HOOKSPAN_KAFKA_PARTITIONS=3"}, "HOOKSPAN_KAFKA_PARTITIONS: has no effect"},
		"lease alone":         {[]string{"HOOKSPAN_LEASE=5s"}, "HOOKSPAN_LEASE: has no effect on the embedded bus"},
		"lease of a cluster":  {[]string{"HOOKSPAN_EMBEDDED_CLUSTER=c", "HOOKSPAN_EMBEDDED_PEERS=dns:shop", "HOOKSPAN_LEASE=5s", "HOOKSPAN_REPLICAS=3", "HOOKSPAN_SEAL_KEY=" + sealKey}, ""},
		"cluster on one host": {[]string{"HOOKSPAN_EMBEDDED_CLUSTER=c", "HOOKSPAN_EMBEDDED_PEERS=127.0.0.1:6222,127.0.0.1:6223,[::1]:6224", "HOOKSPAN_EMBEDDED_ROUTES_LISTEN=127.0.0.1:6222"}, "HOOKSPAN_SEAL_KEY: missing; without it every program on this machine"},
		"clients in clear":    {[]string{"HOOKSPAN_EMBEDDED_LISTEN=:4222", "HOOKSPAN_EMBEDDED_USER=u", "HOOKSPAN_EMBEDDED_PASSWORD=p"}, "HOOKSPAN_EMBEDDED_LISTEN: clients send HOOKSPAN_EMBEDDED_PASSWORD and events in clear"},
		"clients over TLS":    {[]string{"HOOKSPAN_EMBEDDED_LISTEN=:4222", "HOOKSPAN_EMBEDDED_USER=u", "HOOKSPAN_EMBEDDED_PASSWORD=p", "HOOKSPAN_EMBEDDED_TLS_CERT=/c", "HOOKSPAN_EMBEDDED_TLS_KEY_FILE=/k"}, ""},
		"clients on one host": {[]string{"HOOKSPAN_EMBEDDED_LISTEN=[::1]:4222", "HOOKSPAN_EMBEDDED_USER=u", "HOOKSPAN_EMBEDDED_PASSWORD=p"}, ""},
		"TLS for no clients":  {[]string{"HOOKSPAN_EMBEDDED_TLS_CERT=/c", "HOOKSPAN_EMBEDDED_TLS_KEY_FILE=/k"}, "HOOKSPAN_EMBEDDED_TLS_CERT: has no effect without HOOKSPAN_EMBEDDED_LISTEN"},
		"short session":       {[]string{"HOOKSPAN_BUS=kafka://b1:9092", "HOOKSPAN_LEASE=3s"}, "HOOKSPAN_LEASE: less than 7.5s"},
		"password in clear":   {[]string{"HOOKSPAN_BUS=kafka://b1:9092", "HOOKSPAN_KAFKA_SASL=plain", "HOOKSPAN_KAFKA_USER=u", "HOOKSPAN_KAFKA_PASSWORD=p"}, "HOOKSPAN_KAFKA_SASL: plain without TLS"},
		"password over TLS":   {[]string{"HOOKSPAN_BUS=kafka+tls://b1:9092", "HOOKSPAN_KAFKA_SASL=plain", "HOOKSPAN_KAFKA_USER=u", "HOOKSPAN_KAFKA_PASSWORD=p"}, ""},
		"password over NATS":  {[]string{"HOOKSPAN_BUS=nats://127.0.0.1:4222,h2:4222", "HOOKSPAN_NATS_USER=u", "HOOKSPAN_NATS_PASSWORD=p"}, "HOOKSPAN_NATS_PASSWORD: goes in clear beyond this machine"},
		"token over NATS":     {[]string{"HOOKSPAN_BUS=nats://h1:4222", "HOOKSPAN_NATS_TOKEN=t"}, "HOOKSPAN_NATS_TOKEN: goes in clear beyond this machine"},
		"NATS over TLS":       {[]string{"HOOKSPAN_BUS=tls://h1:4222", "HOOKSPAN_NATS_USER=u", "HOOKSPAN_NATS_PASSWORD=p"}, ""},
		"NATS on one host":    {[]string{"HOOKSPAN_BUS=nats://localhost:4222,[::1]:4223", "HOOKSPAN_NATS_USER=u", "HOOKSPAN_NATS_PASSWORD=p"}, ""},
		"NATS by a signature": {[]string{"HOOKSPAN_BUS=nats://h1:4222", "HOOKSPAN_NATS_NKEY_FILE=/seed"}, ""},
		"Kafka on one host":   {[]string{"HOOKSPAN_BUS=kafka://127.0.0.1:9092", "HOOKSPAN_KAFKA_SASL=plain", "HOOKSPAN_KAFKA_USER=u", "HOOKSPAN_KAFKA_PASSWORD=p"}, ""},
		"Kafka without login": {[]string{"HOOKSPAN_BUS=kafka://b1:9092"}, ""},
		"tokens in clear": {[]string{
			"HOOKSPAN_BUS=kafka+tls://b1:9092", "HOOKSPAN_KAFKA_SASL=oauthbearer", "HOOKSPAN_KAFKA_OAUTH_CLIENT_ID=i", "HOOKSPAN_KAFKA_OAUTH_CLIENT_SECRET=s", "HOOKSPAN_KAFKA_OAUTH_TOKEN_URL=http://id.example/token",
		}, "HOOKSPAN_KAFKA_OAUTH_TOKEN_URL: http shows"},
		"two copies":         {[]string{"HOOKSPAN_BUS=nats://h1:4222", "HOOKSPAN_REPLICAS=2"}, "HOOKSPAN_REPLICAS: an even number of copies"},
		"four members":       {[]string{"HOOKSPAN_EMBEDDED_CLUSTER=c", "HOOKSPAN_EMBEDDED_PEERS=a:1,b:1,c:1,d:1", "HOOKSPAN_SEAL_KEY=" + sealKey}, "HOOKSPAN_EMBEDDED_PEERS: an even number of members"},
		"nobody delivers":    {[]string{"HOOKSPAN_ROLES=receiver,admin"}, "HOOKSPAN_ROLES: nobody delivers"},
		"others deliver":     {[]string{"HOOKSPAN_BUS=nats://h1:4222", "HOOKSPAN_ROLES=receiver"}, ""},
		"a short token":      {[]string{"HOOKSPAN_ADMIN_TOKEN=fifteen-letters"}, "HOOKSPAN_ADMIN_TOKEN: only 15 bytes long"},
		"login at a proxy":   {[]string{"HOOKSPAN_EGRESS_PROXY=socks5://u:p@proxy.example"}, "HOOKSPAN_EGRESS_PROXY: its login goes in clear"},
		"proxy over TLS":     {[]string{"HOOKSPAN_EGRESS_PROXY=https://u:p@proxy.example"}, ""},
		"proxy on one host":  {[]string{"HOOKSPAN_EGRESS_PROXY=http://u:p@[::1]:3128"}, ""},
		"nobody's proxy":     {[]string{"HOOKSPAN_EGRESS_PROXY=http://proxy.example:3128"}, ""},
		"nothing kept there": {[]string{"HOOKSPAN_BUS=nats://h1:4222", "HOOKSPAN_DATA_DIR=/nowhere"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := ""
			for _, w := range load(t, c.environ...).Warnings {
				text += w.Error() + "\n"
			}
			if (c.want == "") != (text == "") || !strings.Contains(text, c.want) {
				t.Errorf("want warning %q, got:\n%s", c.want, text)
			}
		})
	}
}

func TestTopicsThatAreFollowedByDefault(t *testing.T) {
	t.Parallel()
	for bus, want := range map[string]string{
		"embedded": "shop-eu.events.>", "nats://h1:4222": "shop-eu.events.>", "kafka://b1:9092": `/^shop-eu\.events\./`,
	} {
		c := load(t, "HOOKSPAN_BUS="+bus, "HOOKSPAN_NAMESPACE=shop-eu")
		if diff := cmp.Diff(setting.List{want}, c.Topics); diff != "" {
			t.Errorf("%s: %s", bus, diff)
		}
	}
	c := load(t, "HOOKSPAN_BUS=kafka://b1:9092", `HOOKSPAN_TOPICS=orders,/^billing\.v[0-9]+$/`)
	if diff := cmp.Diff(setting.List{"orders", `/^billing\.v[0-9]+$/`}, c.Topics); diff != "" {
		t.Error(diff)
	}
}

func TestRolesOfAProcess(t *testing.T) {
	t.Parallel()
	c := load(t, "HOOKSPAN_BUS=nats://h1:4222", "HOOKSPAN_ROLES=dispatcher, admin")
	if c.Runs(config.RoleReceiver) || !c.Runs(config.RoleDispatcher) || !c.Runs(config.RoleAdmin) {
		t.Errorf("roles %v", c.Roles)
	}
}

func TestCredentialsOfTheBusStayHidden(t *testing.T) {
	t.Parallel()
	file := write(t, "password", needle+"\n")
	c := load(t, "HOOKSPAN_BUS=kafka+tls://b1:9092", "HOOKSPAN_KAFKA_SASL=scram-sha-256", "HOOKSPAN_KAFKA_USER=u", "HOOKSPAN_KAFKA_PASSWORD_FILE="+file)
	if c.Kafka.Password.Open() != needle {
		t.Errorf("the password of the file was not read")
	}
	for _, environ := range [][]string{
		{"HOOKSPAN_BUS=kafka://u:" + needle + "@b1:9092"},
		{"HOOKSPAN_BUS=nats://" + needle + "@h1:4222"},
		{"HOOKSPAN_BUS=nats://h1:4222", "HOOKSPAN_NATS_TOKEN=" + needle, "HOOKSPAN_NATS_USER=u", "HOOKSPAN_NATS_PASSWORD=" + needle},
		{"HOOKSPAN_BUS=kafka://b1:9092", "HOOKSPAN_KAFKA_OAUTH_TOKEN_URL=https://u:" + needle + "@idp.example"},
	} {
		if text := problems(t, environ...).Error(); strings.Contains(text, needle) {
			t.Errorf("shows a secret: %s", text)
		}
	}
}

// Without a seal key nothing that could be a member may be beyond this machine; and a host of digits that
// is no address has no name.
func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	cluster := []string{"HOOKSPAN_EMBEDDED_CLUSTER=c", "HOOKSPAN_EMBEDDED_ROUTES_LISTEN=127.0.0.1:6222"}
	for _, c := range []struct {
		environ []string
		says    string // "": nothing is refused
	}{
		{append(cluster, "HOOKSPAN_EMBEDDED_PEERS=127.0.0.1:6222,127.0.0.1:6223,192.0.2.2:6224"), "HOOKSPAN_SEAL_KEY: missing"},
		{append(cluster, "HOOKSPAN_EMBEDDED_PEERS=a:6222,b:6222,c:6222"), "HOOKSPAN_SEAL_KEY: missing"},
		{append(cluster, "HOOKSPAN_EMBEDDED_PEERS=dns:shop"), "HOOKSPAN_SEAL_KEY: missing"},
		{append(cluster, "HOOKSPAN_EMBEDDED_PEERS=dns:shop", "HOOKSPAN_SEAL_KEY="+sealKey), ""},
		{append(cluster, "HOOKSPAN_EMBEDDED_PEERS=127.0.0.1:6222,localhost:6223,[::1]:6224"), ""},
		{[]string{"HOOKSPAN_LISTEN=256.1.1.1:80"}, "HOOKSPAN_LISTEN: want host:port"},
		{[]string{"HOOKSPAN_LISTEN=10.0.1:80"}, "HOOKSPAN_LISTEN: want host:port"},
		{[]string{"HOOKSPAN_LISTEN=127.0.0.1:80"}, ""},
	} {
		_, err := config.Load(c.environ)
		if text := fmt.Sprint(err); (err == nil) != (c.says == "") || err != nil && !strings.Contains(text, c.says) {
			t.Errorf("%v: %s", c.environ, text)
		}
	}
}
