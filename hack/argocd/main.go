// Two of Argo CD's programs in one, which its name tells apart: the controller that applies what is in Git, and the
// server that reads it there.
package main

import (
	"os"
	"path/filepath"

	controller "github.com/argoproj/argo-cd/v3/cmd/argocd-application-controller/commands"
	reposerver "github.com/argoproj/argo-cd/v3/cmd/argocd-repo-server/commands"
)

func main() {
	command := controller.NewCommand()
	if filepath.Base(os.Args[0]) == "argocd-repo-server" {
		command = reposerver.NewCommand()
	}
	if command.Execute() != nil {
		os.Exit(1)
	}
}
