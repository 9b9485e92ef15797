package console

import "strings"

// curl returns a command that makes a request of the API: of a path below /v3, with a body in JSON unless that is empty. The key is the
// reader's, if one is needed.
func curl(origin, method, path, body string, key bool) string {
	var b strings.Builder
	b.WriteString("curl")
	if method != "GET" {
		b.WriteString(" -X " + method)
	}
	b.WriteString(" " + origin + "/v3" + path)
	if key {
		b.WriteString(" \\\n  -H \"X-API-Key: $KEY\"")
	}
	if body != "" {
		b.WriteString(" \\\n  -H 'Content-Type: application/json' \\\n  -d '" + strings.ReplaceAll(body, "'", `'\''`) + "'")
	}
	return b.String()
}

// Jobs to be launched: one with inputs ends with the last of them, and one without by a status that is reported.
const (
	jobWithInputs = `{"job_name": "nightly import", "inputs": [{"email": "ada@example.com"}, {"email": "grace@example.com"}]}`
	jobAlone      = `{"job_name": "first job"}`
)

// launchCommand launches a job of a workflow; of none, it makes one.
func (c *call) launchCommand(first *workflow, job string) string {
	if first == nil {
		return curl(c.origin(), "POST", "/workflows", `{"name": "Import"}`, true)
	}
	return curl(c.origin(), "POST", workflowPath(first.UID)+"/schedule", job, true)
}

// reportCommand reports a job's status.
func (c *call) reportCommand(status string) string {
	return curl(c.origin(), "PATCH", jobPath("UID"), `{"status": "`+status+`"}`, true)
}
