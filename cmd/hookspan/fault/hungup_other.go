//go:build !unix

package fault

import "net"

// hungUp is known on Unix only.
func hungUp(net.Conn) bool { return false }
