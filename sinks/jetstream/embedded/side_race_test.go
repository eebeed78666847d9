//go:build race

package embedded_test

func sideBySide() error { return nil }
