package webhook

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// pollReadable is POLLRDNORM of winsock2.h.
const pollReadable = 0x0100

var wsaPoll = windows.NewLazySystemDLL("ws2_32.dll").NewProc("WSAPoll")

// A pollFD is WSAPOLLFD of winsock2.h.
type pollFD struct {
	fd              uintptr
	events, revents int16
}

func nothingToRead(fd uintptr) bool {
	p := pollFD{fd: fd, events: pollReadable}
	ready, _, _ := wsaPoll.Call(uintptr(unsafe.Pointer(&p)), 1, 0) // -1: it cannot be asked
	return ready == 0
}
