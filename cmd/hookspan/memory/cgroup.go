package memory

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// noLimit is what version 1 says where there is none: the largest number of whole pages, and
// beyond what any machine has.
const noLimit = 1 << 60

// cgroupLimit is the least memory that this process's cgroup or one around it may take, in bytes
// (cgroups(7), both versions). False: none is limited, or this system has no cgroups.
func cgroupLimit(root fs.FS) (least int64, limited bool) {
	membership, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	for lines := bufio.NewScanner(bytes.NewReader(membership)); lines.Scan(); {
		// hierarchy:controllers:path, without controllers in version 2
		fields := strings.SplitN(lines.Text(), ":", 3)
		if len(fields) != 3 {
			continue
		}
		mount, file := "sys/fs/cgroup", "memory.max"
		switch fields[1] {
		case "":
		case "memory":
			mount, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// In a container the path may be that of the host, of which only the root is mounted.
		for at := path.Clean("/" + fields[2]); ; at = path.Dir(at) {
			if n, ok := readLimit(root, path.Join(mount, at, file)); ok && (!limited || n < least) {
				least, limited = n, true
			}
			if at == "/" {
				break
			}
		}
	}
	return least, limited
}

func readLimit(root fs.FS, file string) (int64, bool) {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n > 0 && n < noLimit // "max" is no number
}
