// Four of Argo CD's programs in one, which its name tells apart: the controller that applies what is in Git, the server
// that reads it there, the API server, and the command line that asks it.
package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
	apiserver "github.com/argoproj/argo-cd/v3/cmd/argocd-server/commands"
	commandline "github.com/argoproj/argo-cd/v3/cmd/argocd/commands"
)

var programs = map[string]func() *cobra.Command{
	"argocd":                        commandline.NewCommand,
	"argocd-application-controller": controller.NewCommand,
	"argocd-repo-server":            reposerver.NewCommand,
	"argocd-server":                 apiserver.NewCommand,
}

func main() {
	if programs[filepath.Base(os.Args[0])]().Execute() != nil {
		os.Exit(1)
	}
}
