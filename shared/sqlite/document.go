package sqlite

import (
	"encoding/json"
	"fmt"
)

// A document is the bulk of an entity, as JSON of a private type: what no statement needs to look at. Times in it are what
// stamp makes of them. It has no format of its own: the version of the file stands for the shape of every document in it.

func encode(doc any) []byte {
	text, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("sqlite: encode %T: %v", doc, err)) // no document has a field that can fail
	}
	return text
}

func decode[Doc any](text []byte) (doc Doc, err error) {
	if err := json.Unmarshal(text, &doc); err != nil {
		return doc, fmt.Errorf("%w: document of type %T: %w", ErrCorrupt, doc, err)
	}
	return doc, nil
}
