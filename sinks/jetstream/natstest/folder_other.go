//go:build !linux

package natstest

func inMemory() string { return "" }
