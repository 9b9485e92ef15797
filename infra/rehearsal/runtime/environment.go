package runtime

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
)

// given are the variables that Lambda gives to a process, beside those of the template, and the endpoints of the stand-ins.
func (c Config) given(api string) map[string]string {
	given := map[string]string{
		"_HANDLER":                        "bootstrap",
		"AWS_ACCESS_KEY_ID":               c.Identity,
		"AWS_DEFAULT_REGION":              c.Region,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(c.Memory),
		"AWS_LAMBDA_FUNCTION_NAME":        c.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_RUNTIME_API":          api,
		"AWS_REGION":                      c.Region,
		"AWS_SECRET_ACCESS_KEY":           "rehearsal",
		"AWS_SESSION_TOKEN":               "rehearsal",
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"LAMBDA_TASK_ROOT":                filepath.Dir(c.Binary),
		"LANG":                            "en_US.UTF-8",
		"PATH":                            "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
		"TZ":                              ":UTC",
	}
	for _, service := range []string{"DYNAMODB", "KMS", "SQS"} {
		given["AWS_ENDPOINT_URL_"+service] = c.Endpoint
	}
	return given
}

// environment is all that a process finds in its environment: nothing of ours gets there.
func (c Config) environment(api string) []string {
	all := c.given(api)
	maps.Copy(all, c.Environment)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}

// reserved says which variable of the template is Lambda's own: a deployment refuses it.
func (c Config) reserved() error {
	given := c.given("")
	for _, name := range slices.Sorted(maps.Keys(c.Environment)) {
		if _, ok := given[name]; ok {
			return fmt.Errorf("the template sets %s, which is Lambda's own", name)
		}
	}
	return nil
}
