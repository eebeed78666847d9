package listener

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"
)

const (
	ReadTime   = 20 * time.Second // of a whole request; a handler may move it for bodies that keep up
	AnswerTime = 40 * time.Second // from the request's headers, or a slow body's end, to the answer

	headerTime     = 10 * time.Second
	idleTime       = 75 * time.Second // longer than the 60 s of common load balancers, which then hang up first
	maxHeaderBytes = 16 << 10
	maxStreams     = 100 // of one HTTP/2 connection
)

// Options of a server.
type Options struct {
	Addr     string
	Handler  http.Handler
	CertFile string        // with KeyFile: PEM files of a TLS listener, read again when they change
	KeyFile  string        //
	ReadTime time.Duration // of a whole request; default 20 s
	Log      *slog.Logger

	AsksCertificates func() bool // whether a client is asked for its own, at each handshake; nil: never
}

// Server returns a server with every limit set: times of headers, body, answer and idle
// connections, the size of headers, and the streams of HTTP/2. With certificate files it has to
// be started with ServeTLS("", ""). The error says which file cannot be used.
func Server(o Options) (*http.Server, error) {
	read := cmp.Or(o.ReadTime, ReadTime)
	s := &http.Server{
		Addr:              o.Addr,
		Handler:           o.Handler,
		ReadHeaderTimeout: min(headerTime, read),
		ReadTimeout:       read,
		WriteTimeout:      AnswerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       withGuest,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams,
			PingTimeout:          15 * time.Second,
			SendPingTimeout:      30 * time.Second,
			WriteByteTimeout:     15 * time.Second,
		},
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug), // what strangers do to a public port
	}
	if o.CertFile == "" && o.KeyFile == "" {
		return s, nil
	}
	var err error
	if s.TLSConfig, err = TLS(o.CertFile, o.KeyFile, o.Log); err != nil {
		return nil, err
	}
	if o.AsksCertificates != nil {
		s.TLSConfig.GetConfigForClient = asking(s.TLSConfig, o.AsksCertificates)
	}
	return s, nil
}

// asking has a client asked for its certificate where that is wanted. Who judges it sees the request,
// so any is taken, and none too.
func asking(plain *tls.Config, wanted func() bool) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	asks := plain.Clone()
	asks.ClientAuth = tls.RequestClientCert
	asks.NextProtos = []string{"h2", "http/1.1"} // which net/http adds to its own copy alone
	asks.SessionTicketsDisabled = true           // a session that began without being asked shows none
	return func(*tls.ClientHelloInfo) (*tls.Config, error) {
		if wanted() {
			return asks, nil
		}
		return nil, nil
	}
}
