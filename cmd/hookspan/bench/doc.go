// Package bench measures intake, delivery and publishing against a bare program, in the same
// run and on the same machine.
package bench
