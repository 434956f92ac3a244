# The commands of the project. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
SOURCES := operator conformance sandbox bench tests
# Groups of tests share nothing (a file of integration tests; two groups of end-to-end tests, which mostly wait): each has a
# process. What compares the machine before and after, or stops the sandbox, comes last, alone. Scenarios are long: whole
# lives of applications on the sandbox (rollouts, leaks, connectors, suspensions), every failure of forge, registry and
# pipeline, every pipeline template run; last and alone, what installs the operator in another way. CI runs them after all
# the rest.
UNIT := PYTHONDONTWRITEBYTECODE= $(BIN)/pytest tests/unit -n 2 -q
PROPERTIES := $(UNIT) -m hypothesis --hypothesis-profile=thorough
ALONE := tests/e2e/test_down.py tests/e2e/test_ending.py
SCENARIOS := tests/e2e/scenarios tests/integration/failures tests/integration/pipelines
INSTALLS := tests/e2e/test_operator_in_jobs.py tests/e2e/test_foreign_cluster.py
GROUPS_OF := $(BIN)/pytest -v --dist loadgroup --no-loadscope-reorder --durations=15
MAIN_JOB := tests/e2e tests/integration $(foreach path,$(ALONE) $(INSTALLS) $(SCENARIOS),--ignore=$(path))
INTEGRATION := $(GROUPS_OF) tests/integration -n 2
E2E := $(GROUPS_OF) tests/e2e $(foreach path,$(ALONE) $(INSTALLS) $(SCENARIOS),--ignore=$(path)) -n 2
BOTH := $(GROUPS_OF) $(MAIN_JOB) -n 3
ENDING := $(BIN)/pytest $(ALONE)

.PHONY: help
help: ## Liste les commandes
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(BIN)/.ready ## Prépare .venv et la commande .venv/bin/amcloud

$(BIN)/.ready: pyproject.toml scripts/bootstrap.sh
	@sh scripts/bootstrap.sh $(VENV)
	@touch $@

.PHONY: demo
demo: setup ## Montre tout le métier sur cette machine (APP=<chemin ou URL> ; CONTEXT=, REGISTRY=, FORGE= pour un autre cluster)
	@$(BIN)/amcloud demo $(if $(APP),--app "$(APP)") $(if $(CONTEXT),--context "$(CONTEXT)") $(if $(REGISTRY),--registry "$(REGISTRY)") $(if $(FORGE),--forge "$(FORGE)")

.PHONY: demo-down
demo-down: ## Arrête et retire tout ce que la démonstration a démarré ; garde les caches
	@if [ -x $(BIN)/amcloud ]; then $(BIN)/amcloud demo --down; else echo "Rien à arrêter : .venv n'existe pas."; fi

.PHONY: check
check: setup ## Format, style, types, contrats d'imports, tests unitaires
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy operator/amcloud conformance/psram sandbox/amcloud_sandbox bench
	$(BIN)/lint-imports
	$(UNIT)

.PHONY: format
format: setup ## Met le code en forme
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.PHONY: test
test: prepare ## Tous les tests : unitaires, d'intégration, de bout en bout
	failed=; $(UNIT) || failed=1; $(BOTH) || failed=1; $(ENDING) || failed=1; test -z "$$failed"

.PHONY: test-unit
test-unit: setup ## Tests unitaires seuls (une demi-minute)
	$(UNIT)

.PHONY: test-integration
test-integration: prepare ## Tests d'intégration : vrais API Kubernetes, git, registre et PostgreSQL
	$(INTEGRATION)

.PHONY: test-e2e
test-e2e: prepare ## Tests de bout en bout : vrais pods
	failed=; $(E2E) || failed=1; $(ENDING) || failed=1; test -z "$$failed"

.PHONY: test-forge
test-forge: setup ## Compare la forge à ce que GitLab publie (URL=https://… TOKEN=… : un vrai GitLab ; sans eux, celle du bac à sable)
	@AMCLOUD_TEST_FORGE_URL="$(URL)" AMCLOUD_TEST_FORGE_TOKEN="$(TOKEN)" $(BIN)/pytest tests/integration/forge/test_contract.py -v

.PHONY: test-scenarios
test-scenarios: prepare ## Tests longs : vies entières d'applications (mises à jour, fuites, connecteurs), pannes, pipelines
	failed=; $(PROPERTIES) || failed=1; $(GROUPS_OF) $(SCENARIOS) -n 2 || failed=1; $(BIN)/pytest $(INSTALLS) -v || failed=1; $(BIN)/amcloud demo --down || failed=1; test -z "$$failed"

.PHONY: bench
bench: prepare ## Mesure vitesse et mémoire, par rapport à des pairs (docs/performances.md)
	@$(BIN)/python -m bench.check && $(BIN)/python -m bench.controller

.PHONY: prepare
prepare: setup ## Installe et compile ce que le bac à sable et les tests demandent (une fois)
	@$(BIN)/amcloud sandbox prepare

.PHONY: clean
clean: ## Retire .venv et les fichiers produits
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
