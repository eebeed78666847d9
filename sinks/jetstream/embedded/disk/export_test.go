package disk

// SyncChanged syncs the changed files of a folder, as systems without syncfs do, by the one
// function that it returns.
func SyncChanged(dir string) func() error { return newFiles(dir).sync }
