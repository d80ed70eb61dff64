#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Measures portier beside dpdk-testpmd, Open vSwitch with DPDK and the kernel, on this machine.
# usage: bench.sh [quick|full] [--what WORDS] [--only WORDS] [--out FOLDER]
#   SKIP_DEPS=1       install nothing
#   BUILD=build-bench build directory
# Programs that are not there are named and left out. Root is needed for Open vSwitch and the kernel alone.
set -eu
cd "$(dirname "$0")/.."

build=${BUILD:-build-bench}
if [ -z "${SKIP_DEPS:-}" ]; then
	sh scripts/deps.sh bench || echo "bench.sh: going on with what is there" >&2
fi
[ -f "$build/build.ninja" ] || CC=${CC:-gcc} meson setup "$build" --buildtype=release -Dtests=false >/dev/null
ninja -C "$build" --quiet control/portier control/ctl/portierctl bench/probe bench/send_endless
exec /usr/bin/python3 bench/side_by_side.py --build "$build" "$@"
