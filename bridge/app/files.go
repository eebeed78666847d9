package app

// Descriptors of a process are shared out so that connections of strangers, and those to endpoints
// that hang, leave enough for the bus and for the API.

const mostConnections = 8192 // of the intake, unless more are asked for, and to endpoints

// intakeConnections is how many connections the intake may have: what was asked for as far as
// endpoints have theirs and a quarter of the files, and 64, are left; without that half of them.
func intakeConnections(asked, files int) int {
	if asked > 0 {
		return max(1, min(asked, files-max(64, files/4)-egressConnections(files)))
	}
	return max(1, min(mostConnections, files/2))
}

// controlConnections is the same for the admin listener.
func controlConnections(files int) int { return max(16, min(512, files/16)) }

// BusConnections is the same for NATS clients of the embedded bus, of whom it lets in so many, its
// own connections among them.
func BusConnections(most int) int { return busConnections(most, fileLimit()) }

// EgressConnections is the same for connections to endpoints. An attempt that looks a host up may
// have two more meanwhile.
func EgressConnections() int { return egressConnections(fileLimit()) }

func egressConnections(files int) int { return max(4, min(mostConnections, files/8)) }

func busConnections(most, files int) int { return max(16, min(most, files/8)) }
