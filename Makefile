# What a person types. Everything else is cargo.

.PHONY: help run run-split test test-matrix bench fuzz soak outages deny clean
.DEFAULT_GOAL := help

# A shell that is not a login shell may not know where rustup put cargo.
export PATH := $(PATH):$(HOME)/.cargo/bin

# How many cases each property and fuzz target tries in `make fuzz`.
FUZZ_CASES ?= 20000

# How many requests `make soak` sends to each shape of the service.
SOAK_REQUESTS ?= 1000000

help: ## this text
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

run: ## build and start Rollcall on http://127.0.0.1:8080 with a demo tenant, data in ./data
	@echo 'Building Rollcall: a few minutes the first time, seconds afterwards.'
	@cargo build --locked --profile quick --package rollcall
	@exec "$${CARGO_TARGET_DIR:-target}/quick/rollcall" all --demo --data-dir ./data

run-split: ## build and start the services apart, on private servers (PostgreSQL, Redis, KMS), gateway on http://127.0.0.1:8080
	@python3 .ci/stages.py prerequisites
	@cargo build --locked --profile quick --package rollcall
	@exec python3 infra/split.py "$${CARGO_TARGET_DIR:-target}/quick/rollcall"

test: ## everything that must hold: format, lints, crate edges, licences, all tests, client suites (STAGES=… for some)
	@python3 .ci/stages.py $(STAGES)

test-matrix: ## `make test`, and everything in one process on PostgreSQL, Redis and KMS as well
	@python3 .ci/stages.py matrix

# The build profile that is measured (`release` links longer than the run takes), and options of the run.
BENCH_PROFILE ?= measure
BENCH ?=

bench: ## measure against a floor of bare actix-web and SQL; table in target/bench (BENCH=--smoke for a trial)
	@cargo build --locked --profile $(BENCH_PROFILE) --package rollcall --package rollcall-bench
	@target="$${CARGO_TARGET_DIR:-target}" && python3 infra/bench/run.py "$$target/$(BENCH_PROFILE)/rollcall-bench" \
		"$$target/$(BENCH_PROFILE)/rollcall" "$$target/bench" $(BENCH_PROFILE) $(BENCH)

fuzz: ## the property tests and fuzz targets for longer (FUZZ_CASES=20000)
	PROPTEST_CASES=$(FUZZ_CASES) cargo test --locked --package rollcall-scim --package rollcall-access --package rollcall-clients --package rollcall-directory --package rollcall-gateway

soak: ## a million random requests of clients of eight tenants, services apart and then `all` (SOAK_REQUESTS=1000000)
	@for shape in split all; do \
		echo "soak: $$shape"; \
		ROLLCALL_TEST_SHAPE=$$shape ROLLCALL_SOAK_REQUESTS=$(SOAK_REQUESTS) \
			cargo test --locked --profile quick --package rollcall --test blackbox soak:: -- --nocapture || exit 1; \
	done

outages: ## what clients see, second by second, while Redis, PostgreSQL or KMS is away for 20 s
	@python3 .ci/stages.py prerequisites
	@cargo build --locked --profile quick --package rollcall
	@exec python3 tests/measurements/outages.py "$${CARGO_TARGET_DIR:-target}/quick/rollcall"

deny: ## licences, bans and sources of the dependencies (`.ci/deny advisories` needs network)
	@.ci/deny

clean: ## remove what was built; ./data stays
	cargo clean
	rm -rf .venv .venv-kms
