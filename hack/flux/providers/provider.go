// Package utils has, in place of Flux's own, no cloud that would give a controller its credentials.
package utils

import "fmt"

func ProviderByName[T any](name string) (T, error) {
	var none T
	return none, fmt.Errorf("spec.provider: this build of Flux does not know %q", name)
}
