# SPDX-License-Identifier: AGPL-3.0-or-later
# The two commands of the README are `make demo` and `make test`; Meson does the building.
BUILD ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
MESON_FLAGS ?=

.PHONY: all build deps demo test test-long bench install fuzz clean help
.DEFAULT_GOAL := all

all: deps-build build

help:
	@echo 'make                    install what building needs, build into $(BUILD)/'
	@echo 'make demo [MEDIA=DIR]   four simulated cameras, recorded; http://localhost:8080/'
	@echo 'make test               everything that has to pass before a change goes in'
	@echo 'make test-long          the soaks and kill tests that take hours'
	@echo 'make bench              cameras per core, beside FFmpeg and GStreamer'
	@echo 'make fuzz               every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS)'
	@echo 'make install            into PREFIX=$(PREFIX), with man pages and completions'
	@echo 'make deps               packages for all of the above'

.PHONY: deps-build
deps-build:
	@scripts/deps build

deps:
	@scripts/deps build demo test bench

$(BUILD)/build.ninja: meson.build meson_options.txt
	@if [ -f $@ ]; then meson setup --reconfigure $(BUILD) >/dev/null; \
	else meson setup $(BUILD) --prefix=$(PREFIX) --buildtype=release -Db_ndebug=false $(MESON_FLAGS); fi
	@touch $@

# The list of files is made when Meson configures: a file that came or went means configuring again.
build: $(BUILD)/build.ninja
	@find src tests/unit fuzz -name '*.c' | LC_ALL=C sort >$(BUILD)/files.new; \
	if ! cmp -s $(BUILD)/files.new $(BUILD)/files.list; then \
		[ ! -f $(BUILD)/files.list ] || meson setup --reconfigure $(BUILD) >/dev/null; \
		mv $(BUILD)/files.new $(BUILD)/files.list; fi
	@ninja -C $(BUILD) lethe
	@scripts/web-build $(BUILD)/web

demo:
	@scripts/deps build demo
	@$(MAKE) --no-print-directory build
	@MEDIA='$(MEDIA)' LETHE_BIN=$(BUILD)/lethe scripts/demo

test: deps
	@tests/run

test-long: deps
	@tests/run long

bench:
	@scripts/deps build bench
	@$(MAKE) --no-print-directory build
	$(BUILD)/lethe bench ingest $(BENCH_FLAGS)

fuzz: deps
	@FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz $(FUZZ_TARGETS)

install: build
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf $(BUILD) build-*
