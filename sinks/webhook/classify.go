package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/hookspan/hookspan/bridge/delivery"
)

// failed turns the error of an attempt into a response. ctx is the caller's, without the
// attempt's own timeout: when it has ended, the endpoint is not to blame.
func failed(ctx context.Context, status int, err error) delivery.Response {
	res := delivery.Response{Status: status}
	var f *failure
	switch {
	case ctx.Err() != nil:
		return delivery.Response{Reason: delivery.ReasonStopped, Detail: "the attempt was cut off"}
	case errors.Is(err, errCrowded):
		return crowded()
	case errors.As(err, &f):
		res.Reason, res.Detail, res.Refused = f.reason, f.detail, f.reason == delivery.ReasonConnect && refused(err)
	case alert(err) != "": // with TLS 1.3 a server judges our side after the handshake
		res.Reason, res.Detail = delivery.ReasonTLS, tlsDetail(err)
	case timedOut(err):
		res.Reason, res.Detail = delivery.ReasonTimeout, "there was no whole answer in time"
	case headTooLong(err):
		res.Reason, res.Detail = delivery.ReasonProtocol, fmt.Sprintf("the head of the answer is longer than %d KiB", maxHead>>10)
	case closed(err), reset(err): // the latter is how HTTP/2 breaks off, for many reasons
		res.Reason, res.Detail = delivery.ReasonClosed, "the connection was closed before the answer was whole"
	case errors.Is(err, errTooManyHints):
		res.Reason, res.Detail = delivery.ReasonProtocol, fmt.Sprintf("more than %d answers with 1xx came before the real one", maxHints)
	default:
		// The error's text may quote what the other side sent, so it is not passed on.
		res.Reason, res.Detail = delivery.ReasonProtocol, "the answer is not valid HTTP"
	}
	return res
}

// ofReason reports a failure that says so of itself.
func ofReason(err error, reason delivery.Reason) bool {
	var f *failure
	return errors.As(err, &f) && f.reason == reason
}

func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// headTooLong reports what net/http has words for, and no type.
func headTooLong(err error) bool {
	text := err.Error()
	return errors.Is(err, errHeadTooLong) || strings.Contains(text, "server response headers exceeded ") || strings.Contains(text, "http2: response header list larger than ")
}

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// closed reports an end of the connection. net/http has no type for a server that closed an
// idle connection just then, and for HTTP/2 it speaks of a lost connection; both only in
// words that it has kept since its first versions.
func closed(err error) bool {
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, known) {
			return true
		}
	}
	text := err.Error()
	return strings.HasSuffix(text, "server closed idle connection") || strings.HasPrefix(text, "http2: client connection") ||
		strings.HasPrefix(text, "http2: server sent GOAWAY")
}

// reset reports an answer over HTTP/2 that the server broke off; the connection goes on, and the
// request was heard. The type is net/http's own secret, so its words have to do.
func reset(err error) bool { return strings.HasPrefix(err.Error(), "stream error: ") }

// alert is the text of a TLS alert that the server sent, one of a fixed list (RFC 8446, 6).
func alert(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return op.Err.Error()
	}
	return ""
}

// tlsDetail says what is wrong with a handshake without quoting the certificate.
func tlsDetail(err error) string {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &authority):
		return "the certificate is signed by an unknown authority"
	case errors.As(err, &name):
		return "the certificate is for another host"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not valid yet"
	case errors.As(err, &invalid):
		return "the certificate is not valid"
	case errors.As(err, &record):
		return "the server does not speak TLS"
	case alert(err) != "":
		return "the server refused the handshake: " + alert(err)
	case timedOut(err):
		return "the TLS handshake took too long"
	case closed(err):
		return "the connection was closed during the TLS handshake"
	}
	return "the TLS handshake failed; TLS 1.2 or newer is needed"
}
