package seal_test

import (
	"testing"

	"hermod/shared/seal"
	"hermod/shared/storetest"
)

func TestKeyFileIsAWrapper(t *testing.T) {
	storetest.Wrapper(t, func(t *testing.T) seal.Wrapper { return newKeyFile(t) })
}
