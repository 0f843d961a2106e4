# Sealgate. `make help` lists what there is. Everything is built once, in cargo's dev profile.

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test lint soak bench build tools

# Demo: ONCE=1 ends after the story, REAL=1 plays it against Postfix, swaks and age.
demo_flags := $(if $(ONCE),--once) $(if $(REAL),--real)
# Soak: cases for each property, where `make test` tries 256; steps at which the plug is pulled, where it tries 40.
CASES ?= 100000
POINTS ?= 1000

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: ## a small world on loopback: eight letters, and why each went or stayed (ONCE=1, REAL=1)
	$(if $(REAL),@.ci/peers postfix swaks age)
	@cargo run --quiet --locked -p sealgate -- demo $(demo_flags)

build:
	cargo build --locked --workspace --all-targets

tools:
	@.ci/peers

test: tools build ## everything that must hold, against real programs (installs what is missing)
	@mkdir -p target
	@cargo test --locked --workspace --no-fail-fast 2>&1 | tee target/test.log \
		|| { echo; echo 'make test: something above failed' >&2; exit 1; }
	@echo
	@echo 'make test: all of it passed'
	@awk '/^test result:/ { passed += $$4; failed += $$6 } END { print passed " passed, " failed " failed" }' target/test.log

lint: ## format, clippy, house rules
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo test --locked -p tests --test all tidy
	@echo
	@echo 'make lint: nothing to complain about'

soak: build ## every property at CASES=100000, and the plug pulled at POINTS=1000 steps (hours)
	CRASH_POINTS=$(POINTS) cargo test --locked -p tests --test all crashes
	PROPTEST_CASES=$(CASES) cargo test --locked --workspace --lib --bins
	@echo
	@echo 'make soak: $(CASES) cases of each property passed, and $(POINTS) crashes'

bench: ## the whole road beside Postfix, as ratios (builds for release: minutes; SCALE=4 ROUNDS=7 for more)
	@.ci/peers postfix age
	@cargo build --release --locked -p sealgate
	@cargo test --quiet --locked -p tests --bench road
