// Command hookspan joins webhooks and a message bus, in both directions.
package main

import (
	"os"

	"github.com/hookspan/hookspan/cmd/hookspan/root"
)

func main() { os.Exit(root.Main()) }
