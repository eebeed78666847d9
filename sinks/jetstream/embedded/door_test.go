package embedded

import (
	"errors"
	"log/slog"
	"net"
	"reflect"
	"testing"
)

// Those that are too many at once wait outside, where they take nothing, and a server that ends waits
// for none of them.
func TestADoorLetsInAFew(t *testing.T) {
	t.Parallel()
	const connections = 2
	d, err := openDoor("127.0.0.1:0", connections)
	if err != nil {
		t.Fatal(err)
	}
	d.pace.SetLimit(0) // none after those
	for range connections + 1 {
		conn, err := net.Dial("tcp", d.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	for range connections {
		conn, err := d.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	ended := make(chan error, 1) // the goroutine sends, once
	go func() {
		_, err := d.Accept()
		ended <- err
	}()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("one too many: %v", err)
	}
}

func TestClientsComeInThroughTheDoor(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	listener := reflect.ValueOf(s.current()).Elem().FieldByName("listener").Elem()
	if listener.Type() != reflect.TypeFor[*door]() {
		t.Errorf("the server listens by a %v", listener.Type())
	}
}
