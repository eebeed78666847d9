package fault

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Volume is a file system of its own. It is mounted in the mount namespace of a shell, and
// nowhere else: when the shell ends, at Close or because this process has gone, however it
// went, the mount and its loop device go with it.
type Volume struct {
	Path string // as this process and its children reach it

	shell *exec.Cmd
	say   io.WriteCloser
	hear  *bufio.Reader
	point string // where it is mounted
	image string // of a disk; "" in memory
}

// NewMemory mounts a file system of that many megabytes in memory. The folder is scratch.
func NewMemory(folder string, megabytes int) (*Volume, error) {
	return newVolume(folder, "", fmt.Sprintf("mount -t tmpfs -o size=%dm tmpfs", megabytes))
}

// NewDisk makes an ext4 file system of that many megabytes in a file and mounts it.
func NewDisk(folder string, megabytes int) (*Volume, error) {
	image := filepath.Join(folder, "disk")
	return newVolume(folder, image, fmt.Sprintf("truncate -s %dM '%s' && mkfs.ext4 -q -F '%s' && mount -o loop '%s'", megabytes, image, image, image))
}

func newVolume(folder, image, mount string) (_ *Volume, err error) {
	v := &Volume{point: filepath.Join(folder, "mounted"), image: image, shell: exec.Command("sh")}
	v.shell.SysProcAttr = mountsOfItsOwn()
	if err := os.Mkdir(v.point, 0o700); err != nil {
		return nil, err
	}
	if v.say, err = v.shell.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := v.shell.StdoutPipe()
	if err != nil {
		return nil, err
	}
	v.hear = bufio.NewReader(out)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // as for a child
		err := v.shell.Start()
		started <- err
		if err == nil {
			_, _ = v.shell.Process.Wait() // it has no results of its own
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start a shell with mounts of its own: %w", err)
	}
	v.Path = fmt.Sprintf("/proc/%d/root%s", v.shell.Process.Pid, v.point)
	if err := v.do(mount + " '" + v.point + "'"); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// mountsOfItsOwn is also for who is not root, where the system allows user namespaces.
func mountsOfItsOwn() *syscall.SysProcAttr {
	if os.Geteuid() == 0 {
		return &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	}
	return &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
}

// do has the shell run a command.
func (v *Volume) do(command string) error {
	if _, err := io.WriteString(v.say, "{ "+command+"; } 2>&1 </dev/null; echo \"= $?\"\n"); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	var said []string
	for {
		line, err := v.hear.ReadString('\n')
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		if line == "= 0\n" {
			return nil
		}
		if strings.HasPrefix(line, "= ") {
			return fmt.Errorf("%s: %s", command, strings.Join(said, "; "))
		}
		said = append(said, strings.TrimSpace(line))
	}
}

// Close unmounts. Nothing may use the volume any more.
func (v *Volume) Close() { _ = v.say.Close() }

// goingDown is EXT4_IOC_SHUTDOWN, and noFlush its flag that leaves the log unflushed.
const (
	goingDown = 0x8004587d
	noFlush   = 2
)

// CutPower shuts the file system down as it is on the disk now: what was not synced is gone.
// From here on every write and sync fails.
func (v *Volume) CutPower() error {
	d, err := os.Open(v.Path)
	if err != nil {
		return fmt.Errorf("cut the power: %w", err)
	}
	defer d.Close()
	if err := unix.IoctlSetPointerInt(int(d.Fd()), goingDown, noFlush); err != nil {
		return fmt.Errorf("cut the power: %w", err)
	}
	return nil
}

// Restore mounts what the cut has left. Nothing may use the volume.
func (v *Volume) Restore() error {
	return v.do(fmt.Sprintf("umount '%s' && mount -o loop '%s' '%s'", v.point, v.image, v.point))
}
