package memory

import (
	"testing"
	"testing/fstest"
)

func TestTheLeastLimitAroundTheProcessCounts(t *testing.T) {
	t.Parallel()
	const none = 0
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no cgroups": {nil, none},
		"version 2": {map[string]string{
			"proc/self/cgroup": "0::/app.slice/hookspan.service\n", "sys/fs/cgroup/app.slice/hookspan.service/memory.max": "536870912\n",
		}, 536870912},
		"a parent has less": {map[string]string{
			"proc/self/cgroup": "0::/pod/container\n", "sys/fs/cgroup/pod/container/memory.max": "max\n", "sys/fs/cgroup/pod/memory.max": "1000000\n",
		}, 1000000},
		"the host's path in a container": {map[string]string{
			"proc/self/cgroup": "0::/../../kubepods/x\n", "sys/fs/cgroup/memory.max": "2000000\n",
		}, 2000000},
		"version 2 without a limit": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, none},
		"version 1": {map[string]string{
			"proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/ab\n0::/\n",
			"sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes": "300000000\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 300000000},
		"version 1 without a limit": {map[string]string{"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, none},
		"nonsense":                  {map[string]string{"proc/self/cgroup": "memory\n4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "-1\n"}, none},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for file, text := range c.files {
				root[file] = &fstest.MapFile{Data: []byte(text)}
			}
			got, limited := cgroupLimit(root)
			if got != c.want || limited != (c.want != none) {
				t.Errorf("limit %d (%v), want %d", got, limited, c.want)
			}
		})
	}
}
