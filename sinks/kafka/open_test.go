package kafka_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hookspan/hookspan/bridge/bus"
	"github.com/hookspan/hookspan/sinks/certtest"
	"github.com/hookspan/hookspan/sinks/kafka"
)

func TestSeveralProcessesMakeTheTopics(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t, kfake.NumBrokers(3))
	stores := make([]*kafka.Store, 5)
	var all sync.WaitGroup
	for i := range stores {
		all.Go(func() {
			var err error
			stores[i], err = kafka.Open(t.Context(), kafka.Options{Brokers: cluster.ListenAddrs(), Intake: []string{shop}, Shards: 4})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, s := range stores {
		if s == nil {
			continue
		}
		publish(t, s, "1")
		if err := s.Health(within(t)); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := len(cluster.PartitionInfos("hookspan.state")); got != 4 {
		t.Errorf("the state has %d partitions", got)
	}
}

// What is wrong with the topics that exist is said all at once, each by name.
func TestTopicsThatWillNotDo(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	for name, c := range map[string]struct {
		partitions int32
		config     map[string]string
	}{
		"hookspan.state":    {3, map[string]string{"cleanup.policy": "compact", "retention.ms": "-1"}},
		"hookspan.registry": {1, map[string]string{"retention.ms": "604800000"}},
		"hookspan.commands": {1, map[string]string{"retention.ms": "-1", "retention.bytes": "1000000"}},
		"hookspan.journal":  {4, map[string]string{"retention.ms": "1000"}},
		shop:                {2, map[string]string{"cleanup.policy": "compact,delete"}},
		"hookspan.dead":     {1, nil},
	} {
		if err := cluster.CreateTopic(name, c.partitions, c.config); err != nil {
			t.Fatal(err)
		}
	}
	_, err := kafka.Open(within(t), kafka.Options{Brokers: cluster.ListenAddrs(), Intake: []string{shop}, Shards: 4})
	if err == nil || errors.Is(err, bus.ErrUnavailable) {
		t.Fatalf("open: %v", err)
	}
	for _, part := range []string{
		"topic hookspan.state: it has 3 partitions and must have 4", `cleanup.policy is "compact" and must be "delete"`,
		`topic hookspan.registry: retention.ms is "604800000" and must be "-1"`,
		`topic hookspan.commands: retention.bytes is "1000000" and must be "-1"`,
		"topic " + shop + `: cleanup.policy is "compact,delete" and must be "delete"`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	for _, fine := range []string{"hookspan.journal", "hookspan.dead"} {
		if strings.Contains(err.Error(), fine) {
			t.Errorf("the error names %s: %v", fine, err)
		}
	}
}

// grants are rights on all that begins with hookspan.
func grants(ops ...kmsg.ACLOperation) (acls []kfake.ACL) {
	for _, op := range ops {
		acls = append(acls, kfake.ACL{
			Resource: kmsg.ACLResourceTypeTopic, Name: "hookspan.", Pattern: kmsg.ACLResourcePatternTypePrefixed, Operation: op, Allow: true,
		})
	}
	return acls
}

func TestRights(t *testing.T) {
	t.Parallel()
	const read, write, create, remove, configs = kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationCreate, kmsg.ACLOperationDelete, kmsg.ACLOperationDescribeConfigs
	for name, c := range map[string]struct {
		has   []kmsg.ACLOperation
		there bool     // the topics exist
		says  []string // nothing: it opens
	}{
		"all that it takes":               {has: []kmsg.ACLOperation{read, write, create, remove, configs}},
		"none to create":                  {has: []kmsg.ACLOperation{read, write, remove, configs}, says: []string{"topic hookspan.state does not exist", "CREATE", "topic hookspan.seen", "topic " + shop}},
		"none to create, all exist":       {has: []kmsg.ACLOperation{read, write, remove, configs}, there: true},
		"none to trim":                    {has: []kmsg.ACLOperation{read, write, create, configs}, says: []string{"topic hookspan.state: grant Hookspan's user DELETE", "topic hookspan.registry"}},
		"none to read":                    {has: []kmsg.ACLOperation{write, create, remove, configs}, says: []string{"topic hookspan.journal: grant Hookspan's user READ on it"}},
		"none to look at settings":        {has: []kmsg.ACLOperation{read, write, create, remove}, says: []string{"topic hookspan.state", "DESCRIBE_CONFIGS"}},
		"none at all, though it is there": {there: true, says: []string{"topic hookspan.state", "DESCRIBE, READ, WRITE, DELETE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t, kfake.EnableSASL(), kfake.EnableACLs(),
				kfake.Superuser("PLAIN", "admin", "admin-password"), kfake.User("PLAIN", "hookspan", "some-password", grants(c.has...)...))
			o := kafka.Options{Brokers: cluster.ListenAddrs(), Intake: []string{shop}, Shards: 2, SASL: &kafka.SASL{Mechanism: "plain", User: "admin", Password: "admin-password"}}
			if c.there {
				openStore(t, o)
			}
			o.SASL = &kafka.SASL{Mechanism: "plain", User: "hookspan", Password: "some-password"}
			store, err := kafka.Open(within(t), o)
			if len(c.says) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				publish(t, store, "1")
				if _, err := store.Room(within(t)); err != nil {
					t.Errorf("room: %v", err)
				}
				if err := store.Close(); err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || errors.Is(err, bus.ErrUnavailable) {
				t.Fatalf("open: %v", err)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error does not say %q: %v", part, err)
				}
			}
		})
	}
}

func TestSASL(t *testing.T) {
	t.Parallel()
	for mechanism, theirs := range map[string]string{"plain": "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t, kfake.EnableSASL(), kfake.Superuser(theirs, "hookspan", "some-password"))
			store := open(t, cluster, kafka.Options{SASL: &kafka.SASL{Mechanism: mechanism, User: "hookspan", Password: "some-password"}})
			publish(t, store, "1")
			listen(t, store, shop+"/0", front(spans(t, store)[shop+"/0"])).expect("1")
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.SASLAuthenticate}, Err: kerr.SaslAuthenticationFailed, TopLevel: true, Count: -1})
			_, err := kafka.Open(within(t), kafka.Options{Brokers: cluster.ListenAddrs(), SASL: &kafka.SASL{Mechanism: mechanism, User: "hookspan", Password: "wrong-password"}})
			if !errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, bus.ErrUnavailable) {
				t.Errorf("with the wrong password: %v", err)
			}
			if strings.Contains(fmt.Sprint(err), "wrong-password") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestSASLThatCannotWork(t *testing.T) {
	t.Parallel()
	for _, s := range []kafka.SASL{
		{Mechanism: "plain"},
		{Mechanism: "gssapi", User: "hookspan", Password: "some-password"},
		{Mechanism: "oauthbearer", ClientID: "hookspan", ClientSecret: "some-secret"},
		{Mechanism: "oauthbearer", ClientID: "hookspan", ClientSecret: "some-secret", TokenURL: "ftp://localhost/token"},
		{Mechanism: "oauthbearer", ClientID: "hookspan", TokenURL: "https://localhost/token"},
	} {
		if _, err := kafka.Open(within(t), kafka.Options{Brokers: []string{"127.0.0.1:1"}, SASL: &s}); err == nil || errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("%v: %v", s, err)
		}
		if text := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(text, "some-") {
			t.Errorf("printed it tells a secret: %s", text)
		}
	}
}

func TestTokensWhereNobodyTakesThem(t *testing.T) {
	t.Parallel()
	_, err := kafka.Open(within(t), kafka.Options{Brokers: newCluster(t).ListenAddrs(), SASL: &kafka.SASL{Mechanism: "oauthbearer", TokenURL: "http://127.0.0.1:1/", ClientID: "hook:span", ClientSecret: "some other secret"}})
	if !errors.Is(err, kerr.UnsupportedSaslMechanism) || errors.Is(err, bus.ErrUnavailable) || strings.Contains(err.Error(), "some") {
		t.Errorf("open where the brokers know no tokens: %v", err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	authority := certtest.New(t)
	cluster := newCluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{authority.Issue(t, "localhost", "127.0.0.1")}}), kfake.EnableSASL(), kfake.Superuser("PLAIN", "hookspan", "some-password"))
	o := kafka.Options{
		TLS:  &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost"},
		SASL: &kafka.SASL{Mechanism: "plain", User: "hookspan", Password: "some-password"},
	}
	store := open(t, cluster, o)
	publish(t, store, "1")
	listen(t, store, shop+"/0", front(spans(t, store)[shop+"/0"])).expect("1")
	for name, config := range map[string]*tls.Config{"no TLS": nil, "another authority": {ServerName: "localhost"}} {
		_, err := kafka.Open(within(t), kafka.Options{Brokers: cluster.ListenAddrs(), TLS: config})
		if !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]kafka.Options{
		"no broker":                         {},
		"a namespace":                       {Brokers: []string{"127.0.0.1:1"}, Namespace: "a b"},
		"an expression":                     {Brokers: []string{"127.0.0.1:1"}, Topics: []string{"/(/"}},
		"a pattern of NATS":                 {Brokers: []string{"127.0.0.1:1"}, Topics: []string{"hookspan.events.>"}},
		"the state is no topic of events":   {Brokers: []string{"127.0.0.1:1"}, Topics: []string{"hookspan.state"}},
		"the journal is no topic of intake": {Brokers: []string{"127.0.0.1:1"}, Intake: []string{"hookspan.journal"}},
		"a topic of intake":                 {Brokers: []string{"127.0.0.1:1"}, Intake: []string{"a/b"}},
		"less than no replica":              {Brokers: []string{"127.0.0.1:1"}, Replicas: -1},
	} {
		if _, err := kafka.Open(within(t), o); err == nil || errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := kafka.Open(within(t), kafka.Options{Brokers: []string{"127.0.0.1:1"}}); !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("nobody there: %v, want ErrUnavailable", err)
	}
}
