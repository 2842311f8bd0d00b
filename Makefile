# Thin over the CMake presets (CMakePresets.json); every target installs what is missing first.
.PHONY: all setup setup-deb build release install deb lint check conformance check-asan check-tsan check-deb soak fuzz bench demo format clean
.DEFAULT_GOAL := all

all: build

setup:
	@tools/setup packaging/build-packages.txt

build/%/build.ninja: | setup
	cmake --preset $*

build: build/dev/build.ninja
	cmake --build --preset dev

release: build/release/build.ninja
	cmake --build --preset release --target mig-runner mig-sandbox

# Below PREFIX, but for /etc/mig/runner.cfg, which stays as it is where it is there; DESTDIR is put before all.
PREFIX ?= /usr/local
install: | setup setup-deb
	cmake --preset release -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	cmake --build --preset release --target mig-runner mig-sandbox man
	cmake --install build/release

# Debian packages, in build/packages.
deb: | setup setup-deb
	cmake --preset release -DCMAKE_INSTALL_PREFIX=/usr
	cmake --build --preset release --target mig-runner mig-sandbox man
	cpack --config build/release/CPackConfig.cmake -B build/packages

setup-deb:
	@tools/setup packaging/deb-packages.txt

# As root: lintian, and installing, running and removing in a Debian of its own. BASE: a minimal one to copy, else debootstrap.
check-deb: deb
	tools/check-packages build/packages $(BASE)

# What can be found without running anything.
lint: setup
	@tools/setup packaging/lint-packages.txt
	@tools/lint/run

check: build
	ctest --preset dev

# The conformance suite against the MIG that the MIG_CONFORMANCE_ variables name (docs/contributing.md).
conformance:
	@test -n "$$MIG_CONFORMANCE_API" || { echo "Name a MIG that may be asked and given actions that no agent matches:"; \
	  echo "  MIG_CONFORMANCE_API=https://host/api/v1/ MIG_CONFORMANCE_GPG_HOME=DIRECTORY MIG_CONFORMANCE_KEY=FINGERPRINT make conformance"; \
	  echo "docs/contributing.md has the other variables; make check runs the suite against mig-sandbox."; exit 2; }
	@$(MAKE) --no-print-directory build/dev/build.ninja
	cmake --build --preset dev --target test_conformance
	build/dev/tests/test_conformance

check-asan: build/asan/build.ninja
	cmake --build --preset asan
	ctest --preset asan

check-tsan: build/tsan/build.ninja
	cmake --build --preset tsan
	ctest --preset tsan

# SOAK_SECONDS of killing the runner while the API fails; prints the counts. Then the store, cut at every byte, and each
# system call that fails once.
SOAK_SECONDS ?= 600
soak: build
	MIG_SOAK_SECONDS=$(SOAK_SECONDS) build/dev/tests/test_faults --gtest_filter='Kill.*:Group.*'
	MIG_EVERY_BYTE=1 build/dev/tests/test_store --gtest_filter='*CutAtAnyLength'
	MIG_FAIL_EACH=1 build/dev/tests/test_faults --gtest_filter='FailingCalls.*'

# Each fuzzer for FUZZ_SECONDS, beginning with its corpus; what it finds stays in build/fuzz/found.
FUZZ_SECONDS ?= 60
fuzz:
	@tools/setup packaging/build-packages.txt
	@tools/setup packaging/fuzz-packages.txt
	cmake --preset fuzz
	cmake --build --preset fuzz --target config_fuzz cron_fuzz zone_fuzz action_fuzz answers_fuzz inflight_fuzz results_fuzz store_fuzz output_fuzz
	mkdir -p build/fuzz/found
	for name in config cron zone action answers inflight results store output; do \
	  mkdir -p build/fuzz/found/$$name && \
	  build/fuzz/tests/fuzz/$${name}_fuzz -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/found/$$name- \
	    build/fuzz/found/$$name tests/fuzz/corpus/$$name || exit 1; \
	done

# One table: the runner beside the limits of this machine. BENCH=launch,collect picks some (bench/main.cpp names them);
# BENCH_QUICK=1 for a first look.
bench:
	@tools/setup packaging/build-packages.txt
	@tools/setup packaging/bench-packages.txt
	cmake --preset release
	cmake --build --preset release --target mig-bench
	@BENCH=$(BENCH) BENCH_QUICK=$(BENCH_QUICK) build/release/bench/mig-bench

demo: release
	build/release/sandbox/mig-sandbox demo

format:
	git ls-files '*.h' '*.cpp' | xargs clang-format -i

clean:
	rm -rf build
