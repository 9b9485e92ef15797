package api

import (
	"context"
	_ "embed"
)

//go:embed openapi.yaml
var openAPI []byte

func (a *api) openAPI(context.Context, *call, struct{}) (document, error) {
	return document{kind: "application/yaml", body: openAPI}, nil
}
