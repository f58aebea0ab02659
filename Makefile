# The commands of this repository; `make` alone lists them. CONTRIBUTING.md says what each needs and how long it takes.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

# The modules of go.work, as patterns; lint and test take them all in one run.
packages := $(shell sed -nE 's|^\s+(\./.*)|\1/...|p' go.work)
version := $(shell git describe --tags --match='v[0-9]*' --always --dirty 2>/dev/null || echo unknown)

# $(call tool,MODULE,NAME) is the path of a tool of hack/tools/MODULE at the version which that module names. The go
# command builds it when its cache does not have it (golangci-lint: five minutes).
tool = $$(GOWORK=off go -C hack/tools/$(1) tool -n $(2))
# A program of ours that works outside the workspace.
modules := GOWORK=off go -C hack/tools/modules run .

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-17s%s\n", $$1, $$2}' Makefile

.PHONY: build
build: ## Build bin/zen-lead, bin/kubectl-zenlead and bin/kubectl
	go build -ldflags '-X main.version=$(version)' -o bin/ ./controller/cmd/zen-lead ./controller/cmd/kubectl-zenlead
	go -C test run ./cmd/cluster build kubectl -o '$(CURDIR)/bin/kubectl'

.PHONY: cluster
cluster: ## Start a local cluster that stays; the last line is KUBECONFIG=... [NODES=3: real nodes, needs root]
	@go -C test run ./cmd/cluster start $(if $(NODES),-nodes $(NODES))

.PHONY: cluster-stop
cluster-stop: ## Stop it
	@go -C test run ./cmd/cluster stop

.PHONY: demo
demo: ## Three pods, six moves of the lead, each timed by an independent watch; a frozen leader, without and with a fence; a lock whose holder is killed
	@go -C test run ./cmd/demo

.PHONY: test
test: ## Every check and every test
	@hack/step 'control plane' go -C test run ./cmd/cluster build
	@hack/step 'generated files' hack/generated
	@hack/step 'each module alone' $(MAKE) modules
	@summary=$$(mktemp); trap 'rm -f "$$summary"' EXIT; \
	$(MAKE) --jobs=2 tested linted SUMMARY="$$summary"; \
	grep '^DONE ' "$$summary"

# Tests wait most of the time. Linters run beside them, and take what they leave of the processors. The tests' summary is said again where
# those end after them.
SUMMARY ?= /dev/null
.PHONY: tested linted
tested:
	@hack/step --last 'Go tests' $(call tool,gen,gotestsum) --format pkgname-and-test-fails --format-hide-empty-pkg -- \
		-race -shuffle=on -p 2 -timeout 10m $(packages) | tee "$(SUMMARY)"
linted:
	@nice -n 19 hack/step 'lint' $(MAKE) lint

.PHONY: e2e
e2e: ## Install the chart on real nodes, break things and print what a client saw; needs root
	@hack/step --last 'end to end' go -C test run ./cmd/e2e

.PHONY: faults
faults: ## Break things at random and check what watchers saw [SUITE=pools]
	@hack/step 'faults of $(or $(SUITE),pools)' env ZEN_LEAD_FAULTS=full go -C test test -v -count=1 -p 1 -timeout 60m ./faults/$(or $(SUITE),pools)/...
	@if [[ '$(SUITE)' == election ]]; then \
		hack/step 'simulated elections' env ZEN_LEAD_SCHEDULES=30000 go -C core test -v -count=1 -timeout 60m -run TestSchedules ./lead; \
	fi

.PHONY: mutants
mutants: ## Break each rule and check that its test notices [MUTANT=03]
	@go -C test run ./cmd/mutants $(MUTANT)

.PHONY: bench
bench: ## Measure, and print one RESULT line for each benchmark [BENCH=pools]
	@go -C test run ./cmd/bench $(BENCH)

.PHONY: lint
lint: ## Run the linters over every module, proto and the chart [FIX=1 mends what can be mended]
	@lint=$(call tool,golangci-lint,golangci-lint-kube-api-linter); \
	"$$lint" run $(if $(FIX),--fix) $(packages); \
	cd hack/tools/modules; GOWORK=off "$$lint" run $(if $(FIX),--fix) ./...
	@buf=$(call tool,buf,buf); cd proto; "$$buf" lint; "$$buf" breaking --against baseline.binpb
	@$(call tool,helm,helm) lint --strict --quiet charts/zen-lead
	@$(call tool,helm-unittest,helm-unittest) --strict charts/zen-lead

.PHONY: generate
generate: ## Write the generated files: deep copies, CRDs, docs/api.md, gRPC, OpenAPI, the chart's files and README
	@rm -f controller/config/crd/coordination.kube-zen.io_*.yaml
	@$(call tool,gen,controller-gen) object paths=./core/api/...
	@$(call tool,gen,controller-gen) crd paths=./core/api/... output:crd:dir=controller/config/crd
	@$(call tool,reference,crd-ref-docs) --log-level ERROR --config hack/tools/reference/config.yaml --renderer markdown \
		--source-path core/api --output-path docs/api.md
	@hack/proto
	@hack/chart-files
	@$(call tool,helm-docs,helm-docs) --log-level warning --chart-search-root charts --sort-values-order file

.PHONY: modules
modules: ## Check that each released module builds and tests alone, as its users get it
	@$(modules) check

.PHONY: release-dry-run
release-dry-run: ## Make, push and pull what a release publishes, on this machine alone
	@go -C test run ./cmd/release -chart '$(CURDIR)/charts/zen-lead' \
		-helm "$(call tool,helm,helm)" -ah "$(call tool,artifacthub,ah)"

.PHONY: tidy
tidy: ## go mod tidy for every module, siblings included
	@$(modules) tidy
