package delivery

// ErrorClass says in one word why an attempt failed. It is shown in the log, is a filter of redrives, and never carries
// anything a receiver sent.
type ErrorClass string

const (
	ClassNone        ErrorClass = ""             // delivered, or no request yet
	ClassStatus      ErrorClass = "status"       // an HTTP answer that is not 2xx, redirects included
	ClassTimeout     ErrorClass = "timeout"      // the webhook's time-out passed before the status line and headers were there
	ClassDNS         ErrorClass = "dns"          // the name has no address, or could not be resolved
	ClassConnect     ErrorClass = "connect"      // refused, unreachable, or no connection within 3 s
	ClassTLS         ErrorClass = "tls"          // handshake or certificate
	ClassBlocked     ErrorClass = "blocked"      // the address or port is one that deliveries never go to
	ClassReset       ErrorClass = "reset"        // the connection ended before an answer
	ClassProtocol    ErrorClass = "protocol"     // what came back is not HTTP, or its headers exceed 32 KB
	ClassConfig      ErrorClass = "config"       // the webhook as stored cannot be called: URL, header or secret unusable
	ClassBreakerOpen ErrorClass = "breaker_open" // no request: the breaker was open and the step is spent
)

// ErrorClasses lists every class that an attempt can have failed with.
var ErrorClasses = []ErrorClass{
	ClassStatus, ClassTimeout, ClassDNS, ClassConnect, ClassTLS, ClassBlocked, ClassReset, ClassProtocol, ClassConfig, ClassBreakerOpen,
}
