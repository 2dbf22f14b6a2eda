// Package githubapp has, in place of Flux's own, no credentials of GitHub's Apps, which would bring GitHub's whole API.
package githubapp

import (
	"context"
	"crypto/tls"
	"errors"
	"net/url"

	"github.com/fluxcd/pkg/cache"
)

const KeyAppID = "githubAppID"

type OptFunc func()

func WithAppData(map[string][]byte) OptFunc                               { return nil }
func WithProxyURL(*url.URL) OptFunc                                       { return nil }
func WithTLSConfig(*tls.Config) OptFunc                                   { return nil }
func WithCache(*cache.TokenCache, string, string, string, string) OptFunc { return nil }

func GetCredentials(context.Context, ...OptFunc) (string, string, error) {
	return "", "", errors.New("spec.provider: this build of Flux knows no GitHub Apps")
}
