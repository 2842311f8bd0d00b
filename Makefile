# Thin over the CMake presets (CMakePresets.json); every target installs what is missing first.
.PHONY: all setup setup-deb build release install deb check check-asan check-tsan check-deb soak demo format clean
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
