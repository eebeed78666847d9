package fault

import (
	"errors"
	"io"
	"net"
	"testing"
)

func TestHungUpSeesWhoIsGone(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if hungUp(server) {
		t.Error("a connection that stands is called hung up")
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if hungUp(server) {
		t.Error("a connection with something to read is called hung up")
	}
	if _, err := server.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, io.EOF) { // it has arrived
		t.Fatal(err)
	}
	if !hungUp(server) {
		t.Error("nothing is seen of the other side's end")
	}
}
