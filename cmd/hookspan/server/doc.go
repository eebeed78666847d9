// Package server has the commands that work on a bus of their own: serve, dev, doctor, and
// config, which checks what they would be started with. Begin with process.go.
package server
