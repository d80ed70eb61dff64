#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Builds portier into build/ and replays the demo capture through it. Root is needed to install packages, for nothing else.
set -eu
cd "$(dirname "$0")/.."

# Under sudo only the installation is root's: what is built belongs to the user who called.
as_user=
if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ]; then
	as_user="runuser -u $SUDO_USER --"
fi

echo "1/4 packages"
sh scripts/deps.sh run

echo "2/4 build"
[ -f build/build.ninja ] || $as_user meson setup build --buildtype=release >/dev/null
$as_user ninja -C build --quiet control/portier control/ctl/portierctl

echo "3/4 capture"
$as_user python3 scripts/make_demo_capture.py build/demo.pcap

echo "4/4 build/control/portier replay -c conf/demo.yaml --rules conf/demo.rules build/demo.pcap"
echo
exec $as_user build/control/portier replay -c conf/demo.yaml --rules conf/demo.rules build/demo.pcap
