package api

import "context"

// health is what says that the process answers. It asks no store: a monitor must not keep one busy.
type health struct {
	Status  string `json:"status"` // ok
	Version string `json:"version"`
}

func (a *api) health(context.Context, *call, struct{}) (health, error) {
	return health{Status: "ok", Version: a.Version}, nil
}
