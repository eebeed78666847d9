// Package memory has the process keep to the memory that its container was given, and use less
// of what it was not denied.
//
// Go's collector by default lets the heap grow to twice what is in use, whatever the machine
// has: a process that needs 300 MB would be killed in a container of 512. So Bound tells the
// runtime the limit of the cgroup, below which it collects more often instead, and has it let
// the heap grow by half. Who sets GOMEMLIMIT or GOGC has the last word on each.
package memory
