//go:build unix

package fault

import (
	"errors"
	"net"
	"syscall"
)

// hungUp reports whether who made the connection has closed it, or was killed. It sees what net/http
// only hears of a moment later, and takes nothing that was sent.
func hungUp(c net.Conn) bool {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return true // closed here
	}
	gone := false
	err = raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		gone = err == nil && n == 0 || errors.Is(err, syscall.ECONNRESET)
	})
	return gone || err != nil
}
