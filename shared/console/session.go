package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"hermod/shared/access"
	"hermod/shared/seal"
)

const (
	// cookieName begins with a prefix by which browsers hold the cookie to this host and to Secure.
	cookieName = "__Host-hermod"
	// sessionTime is how long a session lasts, whatever is done in it.
	sessionTime = 12 * time.Hour
	// realm stands in the place of a project in what sessions are sealed for: which project one is of is known after it is opened.
	realm        = "console"
	sessionField = "session"
	maxCookie    = 4096 // characters: browsers keep no more
)

// session is who signed in.
type session struct {
	Token   string    `json:"token"`
	Project string    `json:"project"` // its name
	Until   time.Time `json:"until"`

	key access.Key // of the token, as it is now
}

// errNoSession says that nobody is signed in, or not any more.
var errNoSession = errors.New("no session")

// openSession returns the session of the request. Errors: errNoSession.
func (s *console) openSession(ctx context.Context, r *http.Request) (session, error) {
	var open session
	cookie, err := r.Cookie(cookieName)
	if err != nil || len(cookie.Value) > maxCookie {
		return open, errNoSession
	}
	plain, err := s.Box.Open(ctx, realm, "", sessionField, cookie.Value)
	if errors.Is(err, seal.ErrTampered) || errors.Is(err, seal.ErrFormat) || errors.Is(err, seal.ErrNoKey) {
		return open, errNoSession
	}
	if err != nil {
		return open, err
	}
	if err := json.Unmarshal(plain, &open); err != nil || !s.Now().Before(open.Until) {
		return open, errNoSession
	}
	open.key, err = s.Access.Check(ctx, open.Token)
	if errors.Is(err, access.ErrNoKey) {
		return open, errNoSession
	}
	return open, err
}

// setSession signs the browser in.
func (s *console) setSession(ctx context.Context, w http.ResponseWriter, open session) error {
	plain, err := json.Marshal(open)
	if err != nil {
		return err
	}
	sealed, err := s.Box.Seal(ctx, realm, "", sessionField, plain)
	if err != nil {
		return err
	}
	http.SetCookie(w, sessionCookie(sealed, int(sessionTime.Seconds())))
	return nil
}

// endSession signs the browser out.
func endSession(w http.ResponseWriter) { http.SetCookie(w, sessionCookie("", -1)) }

func sessionCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

// within returns a path of the console to go on to, wherever the text came from; the overview if it is none.
func within(to string) string {
	if to == Base || strings.HasPrefix(to, Base+"/") || strings.HasPrefix(to, Base+"?") {
		return to
	}
	return Base
}
