// Flux's source-controller with Git repositories alone. Charts, buckets and images bring Helm, the clients of several
// clouds and all that checks signatures, which is most of what there is to compile.
package main

import (
	"context"
	"os"

	"github.com/fluxcd/pkg/artifact/config"
	"github.com/fluxcd/pkg/artifact/digest"
	"github.com/fluxcd/pkg/artifact/server"
	"github.com/fluxcd/pkg/artifact/storage"
	"github.com/fluxcd/pkg/runtime/client"
	"github.com/fluxcd/pkg/runtime/controller"
	"github.com/fluxcd/pkg/runtime/events"
	gates "github.com/fluxcd/pkg/runtime/features"
	"github.com/fluxcd/pkg/runtime/jitter"
	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/fluxcd/pkg/runtime/metrics"
	api "github.com/fluxcd/source-controller/api/v1"
	reconcilers "github.com/fluxcd/source-controller/internal/controller"
	"github.com/fluxcd/source-controller/internal/features"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	ctrlclient "sigs.k8s.io/controller-runtime/pkg/client"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const name = "source-controller"

func main() {
	if err := run(ctrl.SetupSignalHandler()); err != nil {
		ctrl.Log.Error(err, "ended")
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var (
		artifacts config.Options
		clients   client.Options
		logs      logger.Options
		limits    controller.RateLimiterOptions
		enabled   gates.FeatureGates
		jitters   jitter.IntervalOptions
	)
	flags := pflag.CommandLine
	for _, options := range []interface{ BindFlags(*pflag.FlagSet) }{&artifacts, &clients, &logs, &limits, &enabled, &jitters} {
		options.BindFlags(flags)
	}
	pflag.Parse()
	logger.SetLogger(logger.NewLogger(logs))
	if err := enabled.SupportedFeatures(features.FeatureGates()); err != nil {
		return err
	}
	if err := jitters.SetGlobalJitter(nil); err != nil {
		return err
	}
	algorithm, err := digest.AlgorithmForName(artifacts.ArtifactDigestAlgo)
	if err != nil {
		return err
	}
	digest.Canonical = algorithm
	kept, err := storage.New(&artifacts)
	if err != nil {
		return err
	}
	manager, err := newManager(clients)
	if err != nil {
		return err
	}
	recorder, err := events.NewRecorder(manager, ctrl.Log, "", name)
	if err != nil {
		return err
	}
	reconciler := &reconcilers.GitRepositoryReconciler{
		Client:         manager.GetClient(),
		EventRecorder:  recorder,
		Metrics:        controller.NewMetrics(manager, metrics.MustMakeRecorder(), api.SourceFinalizer),
		Storage:        kept,
		ControllerName: name,
	}
	options := reconcilers.GitRepositoryReconcilerOptions{RateLimiter: controller.GetRateLimiter(limits)}
	if err := reconciler.SetupWithManager(manager, options); err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- server.Start(ctx, &artifacts) }()
	go func() { failed <- manager.Start(ctx) }()
	return <-failed
}

func newManager(clients client.Options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{kubernetes.AddToScheme, api.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	uncached := []ctrlclient.Object{&corev1.Secret{}, &corev1.ConfigMap{}}
	return ctrl.NewManager(client.GetConfigOrDie(clients), ctrl.Options{
		Scheme:  scheme,
		Logger:  ctrl.Log,
		Client:  ctrlclient.Options{Cache: &ctrlclient.CacheOptions{DisableFor: uncached}},
		Metrics: metricsserver.Options{BindAddress: "0"},
	})
}
