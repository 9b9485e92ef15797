package sweep

import (
	"context"
	"time"
)

// Cursor keeps how far the due index was swept. It is safe for concurrent use; a write is durable when it returns.
type Cursor interface {
	// SweptUntil reads the cursor; the zero time before the first sweep.
	SweptUntil(ctx context.Context) (time.Time, error)
	// Swept moves the cursor; never backwards: the later of two moves stays.
	Swept(ctx context.Context, until time.Time) error
}
