#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Installs the Debian packages that are missing. usage: deps.sh [run|test|bench]
#   run:   what building and running portier needs (default)
#   test:  that, and what scripts/test.sh needs
#   bench: that of run, and the programs that bench/ compares with
# libdpdk-dev brings every driver (librte-net-*, librte-mempool-*) with it: on Debian it depends on them by name.
set -eu

run_packages="gcc libc6-dev meson ninja-build pkgconf python3 libdpdk-dev libnuma-dev libpcap-dev libjansson-dev
	libyaml-dev libsystemd-dev libcmocka-dev scdoc"
test_packages="clang libclang-rt-14-dev git python3-pytest python3-pytest-xdist tshark iproute2 ethtool iputils-ping procps curl nmap iperf3 spin
	nftables iptables lua5.4"
bench_packages="dpdk-dev openvswitch-switch-dpdk nftables iproute2 procps util-linux"

case ${1:-run} in
run) wanted=$run_packages ;;
test) wanted="$run_packages $test_packages" ;;
bench) wanted="$run_packages $bench_packages" ;;
*)
	echo "usage: deps.sh [run|test|bench]" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null; then
	echo "deps.sh: this is no Debian. Install these yourself, under your system's names:" $wanted >&2
	exit 1
fi

installed=" $(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' $wanted 2>/dev/null | sed -n 's/ ii.*//p' | tr '\n' ' ')"
missing=
for package in $wanted; do
	case $installed in
	*" $package "*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "deps.sh: not root, and there is no sudo. Run this as root:" >&2
		echo "  apt-get install --no-install-recommends$missing" >&2
		exit 1
	fi
	as_root=sudo
fi

echo "deps.sh: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
$as_root apt-get -qq update 2>"$log" || echo "deps.sh: apt-get update failed, going on with what is known" >&2
if ! $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends \
	$missing >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "deps.sh: apt-get could not install:$missing" >&2
	exit 1
fi
