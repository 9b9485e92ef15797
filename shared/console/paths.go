package console

import (
	"net/url"
	"strings"
)

// Where things are: below /v3 in the API, and below Base in the console.

func jobPath(uid string) string      { return "/jobs/" + inPath(uid) }
func webhookPath(uid string) string  { return "/webhooks/" + inPath(uid) }
func deliveryPath(uid string) string { return "/deliveries/" + inPath(uid) }
func redrivePath(uid string) string  { return "/redrives/" + inPath(uid) }
func workflowPath(uid string) string { return "/workflows/" + inPath(uid) }

// inPath writes a name as one segment of a path. Dots alone would be a step in it.
func inPath(name string) string {
	if name == "." || name == ".." {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}
