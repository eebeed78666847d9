// Package disk is what the embedded bus asks of the volume under its data folder: the folder for
// itself (Lock), how much is free (Volume), and that what was written is on the disk (NewFlush).
//
// Where the system has a call that syncs a whole file system, a flush is that call; elsewhere it
// syncs the files that changed (files.go).
package disk
