package provider_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hookspan/hookspan/bridge/provider"
)

// Whoever knows the topic's ARN must not get in by leaving out what tells the forms of messages apart.
func TestASNSMessageWithoutWhatTellsItsForm(t *testing.T) {
	t.Parallel()
	key, now := rsaKeys()[0], time.Now()
	text, _ := certificateOf(t, key, "sns.amazonaws.com", now.Add(-time.Hour), now.Add(time.Hour))
	v := publishing(t, "aws-sns", &hosts{texts: map[string]string{snsCertificate: text}}, nil)
	confirmation := func() *provider.Request {
		return snsMessage(t, key, map[string]string{
			"Type": "UnsubscribeConfirmation", "MessageId": "m-1", "Message": "You have chosen to leave", "Timestamp": "2026-03-01T12:00:00.000Z",
			"Token": "abc", "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription", "SigningCertURL": snsCertificate,
		}, "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
	}
	for _, genuine := range []*provider.Request{notification(t, key, snsCertificate), confirmation()} {
		if got := says(t, v, genuine); got != "" {
			t.Fatalf("genuine: %q", got)
		}
	}
	for what, change := range map[string]map[string]any{ // nil: left out
		"nothing else":                         {},
		"no UnsubscribeURL":                    {"UnsubscribeURL": nil},
		"no URL of either kind":                {"UnsubscribeURL": nil, "SubscribeURL": nil},
		"an empty UnsubscribeURL":              {"UnsubscribeURL": ""},
		"an UnsubscribeURL that is an object":  {"UnsubscribeURL": map[string]any{}},
		"an UnsubscribeURL that is false":      {"UnsubscribeURL": false},
		"no UnsubscribeURL, but a subject":     {"UnsubscribeURL": nil, "Subject": "paid"},
		"a subject":                            {"Subject": "paid"},
		"an empty subject":                     {"Subject": ""},
		"a subject that is a list":             {"Subject": []string{}},
		"a confirmation's URL":                 {"UnsubscribeURL": nil, "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/"},
		"both URLs":                            {"UnsubscribeURL": "https://sns.eu-west-1.amazonaws.com/", "SubscribeURL": "https://sns.eu-west-1.amazonaws.com/"},
		"an empty SubscribeURL":                {"UnsubscribeURL": nil, "SubscribeURL": ""},
		"no signature":                         {"Signature": nil},
		"neither signature nor UnsubscribeURL": {"Signature": nil, "UnsubscribeURL": nil},
	} {
		for _, genuine := range []*provider.Request{notification(t, key, snsCertificate), confirmation()} {
			if got := says(t, v, with(t, genuine, change, map[string]any{"Message": "forged"})); got == "" {
				t.Errorf("another message, %s: taken: %s", what, genuine.Body)
			}
		}
	}
	if got := says(t, v, with(t, notification(t, key, snsCertificate), map[string]any{"UnsubscribeURL": nil})); got == "" {
		t.Error("a signed notification without its UnsubscribeURL: taken")
	}
}

// with is a request whose members of the body are others, or are left out where they are nil.
func with(t testing.TB, r *provider.Request, changes ...map[string]any) *provider.Request {
	t.Helper()
	message := map[string]any{}
	if err := json.Unmarshal(r.Body, &message); err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		for name, value := range change {
			if message[name] = value; value == nil {
				delete(message, name)
			}
		}
	}
	body, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	other := *r
	other.Body = body
	return &other
}
