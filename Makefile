# Two commands for a fresh Debian or Ubuntu machine:
#   make demo   builds Tieline and runs the whole story on the virtual site, shown in the console
#   make test   checks everything: format, lints, all tests, the console in a browser
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

.PHONY: help demo test fuzz web peers setup-build setup-web setup-test corpus bench bench-live picture clean

PEERS := target/peers
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= capture framing packet protocols reassembly

help:
	@echo 'make demo        build Tieline and run the whole story on the virtual site, shown in the console'
	@echo 'make test        check everything: format, lints, all tests, the console in a browser'
	@echo 'make fuzz        let the fuzzer look for input that breaks a promise, FUZZ_SECONDS (60) for each target'
	@echo 'make web         build the web console, which the binary carries'
	@echo 'make bench       measure tieline read against tcpdump (needs the benchmark captures, see docs/performance.md)'
	@echo 'make bench-live  measure how soon the console shows an alarm, and the memory of an idle centre'
	@echo 'make picture     take the screenshots of the manual anew'

demo: setup-build web
	@echo '== building (the first time takes about ten minutes on two cores, most of it the query engine)'
	$(CARGO) build --quiet -p tieline
	echo '== the story runs for three minutes; Ctrl-C ends it and leaves nothing behind'
	# Exit code 1 says that there were incidents: here there have to be.
	code=0; $(TIELINE) demo $(DEMO) || code=$$?
	[ $$code -le 1 ] || exit $$code

test: setup-build setup-test web peers corpus
	@echo '== format'
	$(CARGO) fmt --all --check
	echo '== types of the console'
	(cd $(WEB) && npm run --silent check)
	echo '== lints'
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings
	echo '== tests'
	$(CARGO) test --quiet --workspace
	echo '== the console in a browser'
	.ci/console $(TIELINE)

# What is found stays in fuzz/failed, is played again by `make test`, and is committed with its repair. What reaches new code
# gathers in target/fuzz; `python3 fuzz/keep.py` takes the shortest of it into fuzz/corpus.
fuzz: setup-build corpus
	@command -v c++ >/dev/null || { echo '== installing g++'; .ci/apt g++; }
	command -v cargo-fuzz >/dev/null || { echo '== installing cargo-fuzz'; $(CARGO) install --quiet --locked cargo-fuzz; }
	mkdir -p target/fuzz
	[ ! -d target/corpus/pcap ] || python3 fuzz/seeds.py target/corpus/pcap target/fuzz/seeds
	for target in $(FUZZ_TARGETS); do
	    echo "== $$target"
	    mkdir -p target/fuzz/found/$$target target/fuzz/seeds/$$target fuzz/failed/$$target
	    RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --sanitizer none --target-dir target/fuzz/build $$target \
	        target/fuzz/found/$$target fuzz/corpus/$$target target/fuzz/seeds/$$target -- \
	        -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -timeout=20 -rss_limit_mb=1500 -verbosity=0 -print_final_stats=1 \
	        -artifact_prefix=$(CURDIR)/fuzz/failed/$$target/
	done

# The console is built when one of its files is newer than what was built of them.
web: setup-web
	@cd $(WEB)
	if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
	    echo '== installing what the console is built with'
	    npm ci --silent --no-audit --no-fund
	fi
	if [ ! -e dist/index.html ] || [ -n "$$(find src index.html package-lock.json vite.config.ts -newer dist/index.html | head -1)" ]; then
	    echo '== building the console'
	    npm run --silent build -- --logLevel error
	fi

# Stock clients that the tests let talk to the virtual site.
peers:
	@if [ ! -x $(PEERS)/bin/python ] || ! $(PEERS)/bin/python -c 'import pymodbus' 2>/dev/null; then
	    echo '== installing pymodbus in $(PEERS)'
	    python3 -m venv $(PEERS)
	    $(PEERS)/bin/pip install --quiet --disable-pip-version-check 'pymodbus==3.16.1'
	fi

setup-build:
	@missing=''
	command -v cc >/dev/null || missing="$$missing gcc libc6-dev"
	[ -z "$$missing" ] || { echo "== installing$$missing"; .ci/apt $$missing; }
	command -v $(CARGO) >/dev/null || { echo 'Rust is missing: install it with rustup (rust-toolchain.toml says which)' >&2; exit 1; }

setup-web:
	@command -v npm >/dev/null || { echo '== installing node and npm'; .ci/apt nodejs npm; }
	node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
	    || { echo "node $$(node --version) is too old for the console: it takes 20.19 or newer (nodesource.com has it)" >&2; exit 1; }

setup-test:
	@missing=''
	for pair in tcpdump:tcpdump tshark:tshark python3:python3 ip:iproute2 nft:nftables tcpreplay:tcpreplay chromium:chromium; do
	    command -v $${pair%%:*} >/dev/null || missing="$$missing $${pair##*:}"
	done
	python3 -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"
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

bench-live: setup-build web
	$(CARGO) build --quiet -p tieline
	python3 benches/live.py --tieline $(TIELINE)

picture: setup-build setup-test web
	$(CARGO) build --quiet -p tieline
	node docs/picture.mjs $(TIELINE)

clean:
	$(CARGO) clean
