# Two commands for a fresh Debian or Ubuntu machine:
#   make demo   builds Tieline, writes the sample site and tells its story
#   make test   checks everything: format, lints, all tests
# Both do their own set-up and say what they do; a second run skips what is there.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

CARGO ?= cargo
export CARGO_TERM_COLOR ?= auto
TARGET := $(or $(CARGO_TARGET_DIR),target)
TIELINE := $(TARGET)/debug/tieline
SAMPLE := $(TARGET)/sample
SHARED ?= ../shared
WEB := crates/console/web
export TIELINE_CORPUS ?= $(abspath target/corpus)

.PHONY: help demo test web setup-build setup-test corpus bench clean

help:
	@echo 'make demo   build Tieline, write the sample site and tell its story'
	@echo 'make test   check everything: format, lints, all tests'
	@echo 'make bench  measure tieline read against tcpdump (needs the benchmark captures, see docs/performance.md)'

demo: setup-build web
	@echo '== building (the first time takes about ten minutes on two cores, most of it the query engine)'
	$(CARGO) build --quiet -p tieline
	echo '== writing the sample site to $(SAMPLE)'
	$(TIELINE) sample $(SAMPLE) --quiet >/dev/null
	echo '== reading it as one story: tieline read $(SAMPLE)/evidence'
	# Exit code 1 says that there are findings: here there have to be.
	code=0; $(TIELINE) read $(SAMPLE)/evidence || code=$$?
	[ $$code -eq 1 ] || { echo "expected findings, got exit code $$code" >&2; exit 1; }

test: setup-build setup-test web corpus
	@echo '== format'
	$(CARGO) fmt --all --check
	echo '== lints'
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings
	echo '== tests'
	$(CARGO) test --quiet --workspace

# The web console that the binary carries; built again when its sources changed.
web: $(WEB)/dist/index.html
$(WEB)/dist/index.html: $(WEB)/package-lock.json $(WEB)/vite.config.ts $(WEB)/index.html $(shell find $(WEB)/src -type f)
	@command -v npm >/dev/null || { echo '== installing nodejs npm'; .ci/apt nodejs npm; }
	echo '== building the web console'
	cd $(WEB)
	npm ci --silent --no-audit --no-fund
	npm run --silent build -- --logLevel warn

setup-build:
	@missing=''
	command -v cc >/dev/null || missing="$$missing gcc libc6-dev"
	[ -z "$$missing" ] || { echo "== installing$$missing"; .ci/apt $$missing; }
	command -v $(CARGO) >/dev/null || { echo 'Rust is missing: install it with rustup (rust-toolchain.toml says which)' >&2; exit 1; }

setup-test:
	@missing=''
	command -v tcpdump >/dev/null || missing="$$missing tcpdump"
	command -v tshark >/dev/null || missing="$$missing tshark"
	command -v python3 >/dev/null || missing="$$missing python3"
	[ -z "$$missing" ] || { echo "== installing$$missing"; .ci/apt $$missing; }

# Real captures and logs lie beside the project where they are at hand; tests that use them say so when they are not.
corpus:
	@if [ -x $(SHARED)/tools/unpack ]; then
	    echo '== laying out the corpus in target/corpus'
	    $(SHARED)/tools/unpack target/corpus >/dev/null
	else
	    echo '== no corpus beside the project: tests on real captures will be skipped'
	fi

bench: setup-build setup-test
	$(CARGO) build --quiet --release -p tieline
	python3 benches/read.py --tieline $(TARGET)/release/tieline $(FILES)

clean:
	$(CARGO) clean
