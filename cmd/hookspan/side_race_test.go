//go:build race

package main

func sideBySide() error { return nil }
