// Package cli is what every command has in common: the outside of the process as values, exit
// codes, output that no sender can misuse, and what is given by flags and files. It knows no
// command.
package cli
