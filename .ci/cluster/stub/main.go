// Command stub is what containers of the test's cluster run that are not Hookspan: the one that
// holds a pod's namespaces open, and one from which a test looks around.
//
//	stub                  wait for a signal
//	stub get URL          ask for it once, and print the answer's status
//	stub image OUT.tar    write an image of this program, localhost/stub:1, as an archive
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 0:
		wait()
	case len(args) == 2 && args[0] == "get":
		err = get(args[1])
	case len(args) == 2 && args[0] == "image":
		err = writeImage(args[1])
	default:
		log.Fatal("usage: stub [get URL | image OUT.tar]")
	}
	if err != nil {
		log.Fatal(err)
	}
}

func wait() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	<-end
}

func get(url string) error {
	client := &http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was not read
	fmt.Println(answer.StatusCode)
	return nil
}
