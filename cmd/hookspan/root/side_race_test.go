//go:build race

package root_test

func sideBySide() error { return nil }
