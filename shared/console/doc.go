// Package console is the web console: pages that show what the API tells, and forms that send what it takes.
//
// The console is a client of the API, like any other: a page reads and an action sends what openapi.yaml describes, with the API key of
// who signed in, in the same process. So no rule, limit or sentence about a mistake is written twice, a key can do here exactly what
// it can do there, and whatever the console does a program can do too.
//
//   - A session is the API key itself, sealed, in a cookie that only this service can open: HttpOnly, Secure, SameSite=Strict, for 12
//     hours. Nothing is stored, so signing out forgets it in that browser alone; a key that is deleted or expires ends all its sessions.
//   - A form of another site cannot act here: the cookie is not sent with it, and requests that a browser says come from
//     elsewhere (Sec-Fetch-Site, Origin) are refused. A form that is sent twice is carried out once, by an Idempotency-Key in it.
//   - Content-Security-Policy allows our own stylesheet and script, and nothing inline. Without the script everything works but the
//     refresh of what changes, copying, and dialogs that lie over the page.
//   - What may change stands in an element with data-live, the seconds after which the script looks again; what is final has none.
//   - No page has more than 100 KB: lists have 20 rows, and whatever a client or a receiver wrote is cut by its length in HTML.
//   - Handlers return a reply or an error. The wrapper knows the session, answers a refusal of the API on the page that the form is on, and
//     logs one line.
//
// A page is a row of the table of routes, a file of Go that reads what it shows, and a template of the same name. parts.html has what
// several pages show.
package console
