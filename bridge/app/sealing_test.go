package app_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hookspan/hookspan/bridge/app"
	"github.com/hookspan/hookspan/bridge/endpoint"
)

func sealKey(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, endpoint.KeyBytes))
}

func keyID(t *testing.T, key string) string {
	t.Helper()
	s, err := endpoint.ParseSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	return s.Newest()
}

// creates makes an endpoint with a secret.
func (s *server) creates(name string) {
	s.t.Helper()
	s.wants(http.StatusCreated, "whsec_")(s.register(`{"name":"` + name + `","url":"https://1.1.1.1/"}`))
}

func (s *server) rotates(body, says string) {
	s.t.Helper()
	s.wants(http.StatusOK, says)(s.call(http.MethodPost, "http://"+s.AdminAddr()+"/v1/keys/rotate", body))
}

// A newer key is taken over while the process runs, seals nothing by itself, and everything once it
// is asked to; then the older one can go. One that is none is refused, and so is none at all.
func TestSealKeysAreTakenOverByAReload(t *testing.T) {
	t.Parallel()
	one, two := sealKey(1), sealKey(2)
	s := start(t, nil, "HOOKSPAN_SEAL_KEY="+one)
	s.until(http.StatusOK, "ready")
	s.creates("crm")
	file := filepath.Join(t.TempDir(), "seal-key")
	reload := func(keys string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(keys), 0o600); err != nil {
			t.Fatal(err)
		}
		s.conf.Store(configuration(t, "HOOKSPAN_SEAL_KEY_FILE="+file))
		for range 2 { // the second is heard once the first is over
			s.hangup <- struct{}{}
		}
	}
	reload(two + " " + one + "\n") // in one line, as a Secret is patched
	s.shows("/v1/keys", `"newest":"`+keyID(t, two)+`"`)
	s.shows("/v1/keys", `{"id":"`+keyID(t, one)+`","given":true,"endpoints":1}`)
	s.shows("/metrics", `hookspan_sealed_endpoints{key="older"} 1`)
	s.creates("erp")
	s.rotates("", `"sealed":1,"already":1,"failed":[],"lacking":[]`)
	s.rotates("", `"sealed":0,"already":2`)
	s.rotates(`{"new":false}`, `"sealed":0,"already":2`)
	s.wants(http.StatusUnprocessableEntity, "HOOKSPAN_SEAL_KEY")(s.call(http.MethodPost, "http://"+s.AdminAddr()+"/v1/keys/rotate", `{"new":true}`))
	s.shows("/metrics", `hookspan_sealed_endpoints{key="newest"} 2`)
	s.conf.Store(configuration(t)) // none
	for range 2 {
		s.hangup <- struct{}{}
	}
	s.wants(http.StatusOK, `"newest":"`+keyID(t, two)+`"`)(s.get("/v1/keys"))
	reload(two + "\n")
	s.wants(http.StatusOK, `"keys":[{"id":"`+keyID(t, two)+`","given":true,"endpoints":2}]`)(s.get("/v1/keys"))
	s.end()
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
	s.closeBus()
	if err := runs(t, "HOOKSPAN_DATA_DIR="+s.Config.DataDir, "HOOKSPAN_SEAL_KEY="+two); err != nil {
		t.Errorf("a start with the new key alone: %v", err)
	}
}

// A process that keeps its key itself makes the new one too, and has it after a restart.
func TestASealKeyIsMadeInTheDataFolder(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	s.until(http.StatusOK, "ready")
	s.creates("crm")
	file := filepath.Join(s.Config.DataDir, app.SealFile)
	keys := func() []string {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(text))
	}
	before := keys()
	s.rotates(`{"new":true}`, `"sealed":1,"already":0`)
	now := keys()
	if len(now) != 2 || now[1] != before[0] || now[0] == now[1] {
		t.Fatalf("the file has %d keys, and the old one is not behind the new one", len(now))
	}
	s.shows("/v1/keys", `{"id":"`+keyID(t, now[0])+`","given":true,"endpoints":1}`)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, []byte(now[0]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.hangup <- struct{}{}
	}
	s.wants(http.StatusOK, `"keys":[{"id":"`+keyID(t, now[0])+`","given":true,"endpoints":1}]`)(s.get("/v1/keys"))
	s.end()
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
	s.closeBus()
	if err := runs(t, "HOOKSPAN_DATA_DIR="+s.Config.DataDir); err != nil {
		t.Errorf("a start with what is left: %v", err)
	}
}
