# Thin over the CMake presets (CMakePresets.json); every target installs what is missing first.
.PHONY: all setup build release check check-asan check-tsan soak demo format clean
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

check: build
	ctest --preset dev

check-asan: build/asan/build.ninja
	cmake --build --preset asan
	ctest --preset asan

check-tsan: build/tsan/build.ninja
	cmake --build --preset tsan
	ctest --preset tsan

# SOAK_SECONDS of killing the runner while the API fails; prints the counts.
SOAK_SECONDS ?= 600
soak: build
	MIG_SOAK_SECONDS=$(SOAK_SECONDS) build/dev/tests/test_faults --gtest_filter='Kill.*'

demo: release
	build/release/sandbox/mig-sandbox demo

format:
	git ls-files '*.h' '*.cpp' | xargs clang-format -i

clean:
	rm -rf build
