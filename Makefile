# SPDX-License-Identifier: MIT
# The front door: each target is one command that works on a fresh Debian 12. The build itself is
# meson's; see meson.build.

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)

.PHONY: build run test sanitize bench chaos chaos-peers simulate fuzz install deb format clean distclean help

build: $(BUILD)/build.ninja ## build the programs (what `make` alone does)
	ninja -C $(BUILD) -j$(JOBS) --quiet

$(BUILD)/build.ninja: packaging/debian-build-deps
	packaging/install-deps build
	test -e $@ || meson setup $(BUILD) >/dev/null
	touch $@

run: build ## serve localhost, with two accounts to try it; Ctrl-C stops it
	@tools/run $(BUILD)

test: ## every test; the last line counts them
	packaging/install-deps build test
	tests/run

sanitize: ## every test again, with ASan and UBSan, then with TSan
	packaging/install-deps build test
	tests/run --everything

bench: build ## measure against Prosody and ejabberd
	bench/run

chaos: ## kill the server KILLS (2000) times under clients that keep account of every message
	packaging/install-deps build test
	test -e build-crash/build.ninja || meson setup build-crash -Dcrash_points=true >/dev/null
	ninja -C build-crash -j$(JOBS) --quiet
	tests/chaos/run build-crash --kills $(or $(KILLS),2000) --every 20

chaos-peers: build ## the same accounts of Prosody and ejabberd, side by side: doc/reliability.md
	packaging/install-deps bench
	tests/chaos/peers $(BUILD) --kills $(or $(KILLS),30)

simulate: ## simulate COUNT (3000) servers and their clients, from seed FIRST (1000) on
	packaging/install-deps build test
	test -e build-asan/build.ninja || meson setup build-asan -Db_sanitize=address,undefined >/dev/null
	ninja -C build-asan -j$(JOBS) --quiet
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 tests/sim/run build-asan $(or $(COUNT),3000) $(or $(FIRST),1000)

fuzz: ## fuzz for SECONDS (60) each
	packaging/install-deps build test
	tests/fuzz/run $(or $(SECONDS),60)

install: build ## install below PREFIX (/usr/local), or DESTDIR/PREFIX
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	meson install -C $(BUILD) --quiet

deb: ## make the Debian package, in build-deb
	packaging/make-deb build-deb

format: ## lay out the sources as .clang-format says
	packaging/install-deps build test
	git ls-files '*.[ch]' | xargs clang-format -i

clean: ## remove what was built
	rm -rf $(BUILD) build-asan build-tsan build-fuzz build-crash build-deb

distclean: clean ## the same, and the accounts and messages of `make run`
	rm -rf run tests/interop/xmppjs/node_modules

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
