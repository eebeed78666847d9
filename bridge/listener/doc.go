// Package listener is what stands between the network and a handler: a server with every limit set
// (listener.go), a certificate that is read again when it changes (certificate.go), and a bound on
// connections under which those give way that only wait (crowd.go).
//
//	server, err := listener.Server(listener.Options{…})
//	crowd := listener.NewCrowd(most, log, metrics)
//	err = server.Serve(crowd.Listen(l))
package listener
