# The few things a person does here. Each is a script that can be read and run by itself.
.DEFAULT_GOAL := help
VENV := .venv

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: pyproject.toml requirements-dev.txt hack/venv
	hack/venv $(VENV)

demo: $(VENV)/.ready ## Train, register, serve as a bare process, ask, update, ask again
	@$(VENV)/bin/lmd demo

demo-stop: $(VENV)/.ready ## Stop what the demo started
	@$(VENV)/bin/lmd demo stop

kind-up: $(VENV)/.ready ## A kind cluster, the custom resource, and the operator beside it
	@hack/kind-up
	@hack/kind-env $(VENV)/bin/lmd operator up --context kind-localmodel

kind-down: $(VENV)/.ready ## Stop the operator and delete the cluster
	@hack/kind-env $(VENV)/bin/lmd kind down

test: $(VENV)/.ready ## Everything this machine can test; test-unit, test-e2e, ... for one part
	@hack/test

test-unit test-integration test-faults test-conformance test-docker test-e2e: $(VENV)/.ready
	@hack/test $(@:test-%=%)

lint: $(VENV)/.ready ## Style, types, imports, links of the docs, shell scripts
	@hack/lint

docs: $(VENV)/.ready ## The documentation site, in build/site
	@hack/docs
	@$(VENV)/bin/properdocs build --strict --quiet
	@echo "open build/site/index.html"

release: $(VENV)/.ready ## Wheel, source archive and SBOM of this version in dist/, checked
	@$(VENV)/bin/python hack/release.py

pins: $(VENV)/.ready ## Renew the packages that lint and tests run with
	@hack/pins

.PHONY: help demo demo-stop kind-up kind-down test lint docs release pins
.PHONY: test-unit test-integration test-faults test-conformance test-docker test-e2e
