# The few things a person does here. Each is a script that can be read and run by itself.
.DEFAULT_GOAL := help
VENV := .venv

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: pyproject.toml requirements-dev.txt hack/venv
	hack/venv $(VENV)

demo: $(VENV)/.ready ## Train, register, serve as a bare process, ask, update, ask again
	@$(VENV)/bin/python hack/demo.py

demo-stop: $(VENV)/.ready ## Stop what the demo started
	@$(VENV)/bin/python hack/demo.py stop

kind-up: $(VENV)/.ready ## A kind cluster, the custom resource, and the operator beside it
	@hack/kind-up
	@hack/operator up

kind-down: ## Stop the operator and delete the cluster
	@hack/operator down
	@hack/kind-down

test: $(VENV)/.ready ## Everything this machine can test
	@hack/test

lint: $(VENV)/.ready ## Style, types, imports, shell scripts
	@hack/lint

pins: $(VENV)/.ready ## Renew the packages that lint and tests run with
	@hack/pins

.PHONY: help demo demo-stop kind-up kind-down test lint pins
