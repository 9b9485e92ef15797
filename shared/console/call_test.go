package console

import (
	"net/http/httptest"
	"testing"
)

func TestALinkThatNarrowsAPageKeepsTheOtherFiltersAndBeginsAtTheFirstPage(t *testing.T) {
	c := &call{request: httptest.NewRequest("GET", "/console/deliveries?state=dead&event=&cursor=abc&done=redrive-started&dialog=x&job_uid=j", nil)}
	for _, row := range []struct{ got, want string }{
		{c.With("event", "failed"), "/console/deliveries?event=failed&job_uid=j&state=dead"},
		{c.With("state", ""), "/console/deliveries?job_uid=j"},
		{c.nextPage("def"), "/console/deliveries?cursor=def&job_uid=j&state=dead"},
		{c.nextPage(""), ""},
	} {
		if row.got != row.want {
			t.Errorf("the link is %q, want %q", row.got, row.want)
		}
	}
}
