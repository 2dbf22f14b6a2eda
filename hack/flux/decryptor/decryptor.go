// Package decryptor takes the place of kustomize-controller's own: it decrypts nothing. SOPS would bring the clients of
// several clouds.
package decryptor

import (
	"context"
	"errors"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/cache"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/resource"
)

var errLeftOut = errors.New("spec.decryption: this build of kustomize-controller decrypts nothing")

type Decryptor struct{}

type Option func(*Decryptor)

func WithRoot(string) Option                   { return nil }
func WithTokenCache(cache.TokenCache) Option   { return nil }
func WithSOPSAgeSecret(string, string) Option  { return nil }
func WithVaultConfigMap(string, string) Option { return nil }

func New(_ client.Client, of *kustomizev1.Kustomization, _ ...Option) (*Decryptor, func(), error) {
	if of.Spec.Decryption != nil {
		return nil, nil, errLeftOut
	}
	return &Decryptor{}, func() {}, nil
}

func (*Decryptor) ImportKeys(context.Context) error { return nil }
func (*Decryptor) SetAuthOptions(context.Context)   {}
func (*Decryptor) DecryptSources(string) error      { return nil }

func (*Decryptor) DecryptResource(*resource.Resource) (*resource.Resource, error) {
	return nil, errLeftOut
}

func IsDecryptionDisabled(map[string]string) bool { return false }
func IsEncryptedSecret(object *unstructured.Unstructured) bool {
	_, encrypted := object.Object["sops"]
	return encrypted
}
