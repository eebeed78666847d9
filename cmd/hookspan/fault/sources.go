package fault

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Source is an intake as its sender knows it.
type Source struct {
	Name     string
	Provider string
	Secret   string
	Event    func(name, id string, n int, padding string) (Key, []byte) // what it sends, and what that becomes
	Sign     func(h http.Header, secret, id string, body []byte, now time.Time)
}

// Sources are four senders that have little in common: where the id is, what the event's
// source is, and what is signed how.
func Sources() []Source {
	return []Source{
		{"shop", "sticker", "the-secret-of-the-shop", stickerEvent, signSticker},
		{"code", "github", "the-secret-of-the-code", githubEvent, signGitHub},
		{"bills", "standard-webhooks", "whsec_" + base64.StdEncoding.EncodeToString([]byte("the-secret-of-the-bills-to-pay")), standardEvent, signStandard},
		{"pay", "corefy", "the-secret-of-the-payments", corefyEvent, signCorefy},
	}
}

// Environ configures the sources.
func Environ(sources []Source) []string {
	names := make([]string, len(sources))
	var env []string
	for i, s := range sources {
		names[i] = s.Name
		block := "HOOKSPAN_SOURCE_" + strings.ToUpper(s.Name)
		env = append(env, block+"_PROVIDER="+s.Provider, block+"_SECRETS="+s.Secret)
	}
	return append(env, "HOOKSPAN_SOURCES="+strings.Join(names, ","))
}

func stickerEvent(name, id string, n int, padding string) (Key, []byte) {
	body := fmt.Sprintf(`{"event":"order.shipped","timestamp":"2026-05-04T10:00:00Z","data":{"order_id":"%d","note":%q}}`, n, padding)
	return Key{"/sources/" + name, id}, []byte(body)
}

func signSticker(h http.Header, secret, id string, body []byte, now time.Time) {
	h.Set("X-Sticker-Event", "order.shipped")
	h.Set("X-Sticker-Delivery-ID", id)
	h.Set("X-Sticker-Timestamp", strconv.FormatInt(now.Unix(), 10))
	h.Set("X-Sticker-Signature", "sha256="+hex.EncodeToString(mac(sha256.New, []byte(secret), string(body))))
}

const repository = "https://code.example/octo/example"

func githubEvent(_, id string, n int, padding string) (Key, []byte) {
	body := fmt.Sprintf(`{"ref":"refs/heads/main","after":"%d","note":%q,"repository":{"url":%q}}`, n, padding, repository)
	return Key{repository, id}, []byte(body)
}

func signGitHub(h http.Header, secret, id string, body []byte, _ time.Time) {
	h.Set("X-GitHub-Event", "push")
	h.Set("X-GitHub-Delivery", id)
	h.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac(sha256.New, []byte(secret), string(body))))
}

func standardEvent(name, id string, n int, padding string) (Key, []byte) {
	body := fmt.Sprintf(`{"type":"invoice.paid","timestamp":"2026-05-04T10:00:00Z","data":{"id":"%d","note":%q}}`, n, padding)
	return Key{"/sources/" + name, id}, []byte(body)
}

func signStandard(h http.Header, secret, id string, body []byte, now time.Time) {
	stamp := strconv.FormatInt(now.Unix(), 10)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", stamp)
	h.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(standardMAC(secret, id, stamp, body)))
}

// The payment platform names no delivery: the id is the hash of the body.
func corefyEvent(name, id string, n int, padding string) (Key, []byte) {
	body := fmt.Sprintf(`{"data":{"type":"payment-invoices","id":%q,"attributes":{"status":"processed","amount":%d,"note":%q}}}`, id, n, padding)
	sum := sha256.Sum256([]byte(body))
	return Key{"/sources/" + name, hex.EncodeToString(sum[:])}, []byte(body)
}

func signCorefy(h http.Header, secret, _ string, body []byte, _ time.Time) {
	sum := sha1.Sum([]byte(secret + string(body) + secret))
	h.Set("X-Signature", base64.StdEncoding.EncodeToString(sum[:]))
}

func mac(of func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(of, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// standardMAC is the v1 signature of Standard Webhooks.
func standardMAC(secret, id, stamp string, body []byte) []byte {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return nil // matches no signature
	}
	return mac(sha256.New, key, id+"."+stamp+"."+string(body))
}
