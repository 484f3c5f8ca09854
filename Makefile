# One Gate on one machine. Needs Node 20 or later to begin with; the project brings its own Node 24. Parts that are found are used
# (Redis, Java for Kafka), see `make up`.
.DEFAULT_GOAL := help
.PHONY: help up down ps audit verify-access-log seed-history operator explain tune test check generate build mutations bench faults clean
SHELL := /bin/sh

# The project's own Node, and its tools, before everything else.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

help: ## what can be done here
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: node_modules/.installed ## start the platform and stay with it until Ctrl-C (PORT=8080)
	@exec node --disable-warning=TimeoutNegativeWarning knative/local/up.ts

down: node_modules/.installed ## stop a platform that runs in another terminal
	@exec node knative/local/down.ts

ps: node_modules/.installed ## show functions: instances, requests in flight and waiting, cold starts
	@exec node knative/local/ps.ts

audit: node_modules/.installed ## prove all of the books (of the platform here, or of DATABASE_URL)
	@exec node knative/audit.ts

verify-access-log: node_modules/.installed ## check regulators' access log (here, or DATABASE_URL; HEADS=file KEYS=file: heads they kept)
	@exec node knative/verify-access-log.ts

seed-history: node_modules/.installed ## write a month of history for regulators to read (TRANSACTIONS=10000000; here, or SEED_DATABASE_URL)
	@exec node test/bench/seed-history.ts $(if $(TRANSACTIONS),--transactions '$(TRANSACTIONS)')

operator: node_modules/.installed ## make a registered user an operator (USERNAME=name)
	@exec node knative/local/operator.ts '$(if $(filter command,$(origin USERNAME)),$(USERNAME))'

explain: node_modules/.installed ## what manifests mean in production, in plain sentences (FUNCTION=pay, or all; OVERLAY=development)
	@exec node knative/explain.ts $(if $(OVERLAY),--overlay '$(OVERLAY)') $(if $(FUNCTION),'$(FUNCTION)')

tune: build ## load one function at rising concurrency and say how to set it (FUNCTION=pay)
	@exec node --disable-warning=TimeoutNegativeWarning test/bench/tune.ts $(if $(FUNCTION),'$(FUNCTION)')

test: build ## set everything up and run all tests (TESTS=pattern for some)
	@exec npm test --silent -- $(TESTS)

check: node_modules/.installed ## formatting, lint, types, and whether generated files are fresh
	@exec npm run --silent check

generate: node_modules/.installed ## write the files that follow from the code (BREAKING=why, if callers of the API break)
	@exec node knative/generate.ts --breaking "$$BREAKING"

build: node_modules/.installed ## bundle the functions into .build
	@node knative/local/build.ts

mutations: node_modules/.installed ## break the ledger in nine ways and see each caught (takes minutes)
	@exec node --disable-warning=TimeoutNegativeWarning test/mutations/run.ts

bench: build ## measure and rewrite test/bench/README.md and plans.md (takes minutes)
	@exec node --disable-warning=TimeoutNegativeWarning test/bench/run.ts

faults: build ## break everything while money moves, compare the books, and rewrite test/faults/README.md (takes minutes)
	@exec node --disable-warning=TimeoutNegativeWarning test/faults/run.ts

clean: ## remove the platform's data, keys and bundles
	@if [ -f .data/owner.json ] && [ -d node_modules ]; then node knative/local/down.ts; fi
	@rm -rf .data .build

# Packages run no scripts of their own at installation, but for two: Node 24 fetches its binary, PostgreSQL's libraries get their links.
node_modules/.installed: package.json package-lock.json
	@echo "Installing packages ..."
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@npm rebuild node --loglevel=error
	@touch $@
