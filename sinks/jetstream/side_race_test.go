//go:build race

package jetstream_test

func sideBySide() error { return nil }
