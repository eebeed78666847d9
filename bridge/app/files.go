package app

// Descriptors of a process are shared out so that connections of strangers leave enough for the
// bus, for deliveries and for the API.

const mostConnections = 8192 // of the intake, unless more are asked for

// intakeConnections is how many connections the intake may have: what was asked for as far as a
// quarter of the files, and 64, are left; without that half of them.
func intakeConnections(asked, files int) int {
	if asked > 0 {
		return max(1, min(asked, files-max(64, files/4)))
	}
	return max(1, min(mostConnections, files/2))
}

// controlConnections is the same for the admin listener.
func controlConnections(files int) int { return max(16, min(512, files/16)) }

// BusConnections is the same for NATS clients of the embedded bus, of whom it lets in so many, its
// own connections among them.
func BusConnections(most int) int { return busConnections(most, fileLimit()) }

func busConnections(most, files int) int { return max(16, min(most, files/8)) }
