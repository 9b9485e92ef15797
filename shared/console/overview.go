package console

import "context"

func (s *console) overviewPage(ctx context.Context, c *call) (reply, error) {
	return reply{page: "overview", title: "Overview"}, nil
}
