#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds portier in every way, runs all tests, and ends with one line: N passed, N failed[, N skipped].
# usage: test.sh [PART...]   parts: check unit tsan sanitize system captures fuzz (default, cheap ones first), clang
#   FUZZ_SECONDS=30   for each fuzz target, all at once
#   SKIP_DEPS=1       install nothing
set -u
cd "$(dirname "$0")/.." || exit 1

default_parts="check unit tsan sanitize system captures fuzz"
all_parts="$default_parts clang" # clang builds what is tested with sanitizers
parts=${*:-$default_parts}
for part in $parts; do
	[[ " $all_parts " == *" $part "* ]] || { echo "test.sh: no part $part, there are: $all_parts" >&2; exit 2; }
done
passed=0 failed=0 skipped=0
python=/usr/bin/python3 # Debian's own: it is the one that has Debian's pytest

current= times= began=$SECONDS
title() { # of a part: the one before is over
	local now=$SECONDS
	[ -z "$current" ] || times+=$(printf '%5d s  %s' $((now - began)) "$current")$'\n'
	current=$* began=$now
	[ -z "$current" ] || printf '\n== %s\n' "$current"
}
wants() { [[ " $parts " == *" $1 "* ]]; }

count() { # passed failed skipped
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
	[ "$2" -eq 0 ] || printf '%s failed\n' "$2"
}

# One check that passes or fails as its command does; its output is shown if it fails.
check() { # name command...
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "ok   $name"
		count 1 0 0
	else
		printf '%s\nFAIL %s\n' "$(tail -n 60 <<<"$output")" "$name"
		count 0 1 0
		return 1
	fi
}

count_file() { # name file
	local numbers
	if numbers=$($python scripts/count_results.py "$2"); then
		echo "$1: $numbers (passed, failed, skipped)"
		count $numbers
	else
		echo "FAIL $1: no results"
		count 0 1 0
	fi
}

configure_and_build() { # directory compiler options...
	local directory=$1 compiler=$2
	shift 2
	if [ -f "$directory/build.ninja" ]; then
		meson configure "$directory" "$@" || return
	else
		CC=$compiler meson setup "$directory" --werror "$@" || return
	fi
	ninja -C "$directory" ${targets:-}
}

build() { # directory compiler options...
	check "build $*" configure_and_build "$@"
}

run_meson() { # directory suites-to-leave-out...
	local directory=$1
	shift
	rm -f "$directory/meson-logs/testlog.json"
	meson test -C "$directory" --no-rebuild "${@/#/--no-suite=}" >/dev/null 2>&1
	count_file "meson test $directory" "$directory/meson-logs/testlog.json"
}

# One more than there are processors: they wait as much as they compute.
run_pytest() { # folder build-directory options...
	local folder=$1 directory=$2 results=$2/pytest-${1##*/}.xml
	shift 2
	rm -f "$results"
	[ -d "$folder" ] || return
	PORTIER_BUILD=$directory $python -m pytest -p no:cacheprovider -n $(($(nproc) + 1)) --dist=loadgroup -q -ra --tb=short \
		--junitxml="$results" "$@" "$folder" | grep -E '^SKIPPED|^[0-9]+ (passed|failed|skipped)'
	count_file "pytest $folder" "$results"
}

fuzz_one() { # target; writes its log beside itself
	local target=$1 name=${1##*/} work=$1.work
	local seeds=tests/fuzz/corpus/${name#fuzz_}
	mkdir -p "$work"
	[ -d "$seeds" ] || seeds=
	"$target" -max_total_time="${FUZZ_SECONDS:-30}" -timeout=10 -rss_limit_mb=3000 -artifact_prefix="$work/" \
		-print_final_stats=1 "$work" $seeds >"$work.log" 2>&1
	echo $? >"$work.status"
}

run_fuzz() { # build-directory
	local targets=() target
	for target in "$1"/tests/fuzz/fuzz_*; do
		[ -f "$target" ] && [ -x "$target" ] && targets+=("$target")
	done
	[ ${#targets[@]} -gt 0 ] || { echo "FAIL no fuzz target was built" && count 0 1 0; return; }
	for target in "${targets[@]}"; do
		fuzz_one "$target" &
	done
	wait
	for target in "${targets[@]}"; do
		check "fuzz ${target##*/} for ${FUZZ_SECONDS:-30} s" fuzz_result "$target"
	done
}

fuzz_result() { # target
	tail -n 60 "$1.work.log"
	[ "$(cat "$1.work.status")" = 0 ]
}

if [ -z "${SKIP_DEPS:-}" ]; then
	title packages
	check "packages" sh scripts/deps.sh test
fi

if wants check; then
	title checks
	check "includes and licences" $python scripts/check_includes.py
	$python scripts/make_demo_capture.py /dev/null || count 0 1 0
	check "demo capture is the same at every run" \
		cmp <($python scripts/make_demo_capture.py /dev/stdout) <($python scripts/make_demo_capture.py /dev/stdout)
fi

if wants unit || wants captures || wants system; then
	title "gcc, release"
	build build-gcc gcc --buildtype=release && gcc_built=1
fi
if wants unit && [ -n "${gcc_built:-}" ]; then
	run_meson build-gcc
fi

if wants clang; then
	title "clang, release"
	build build-clang clang --buildtype=release
fi

if wants tsan; then
	title "gcc, thread sanitizer: stress tests"
	if targets=stress_tests build build-tsan gcc --buildtype=debugoptimized -Db_sanitize=thread -Db_lundef=false; then
		rm -f build-tsan/meson-logs/testlog.json
		meson test -C build-tsan --no-rebuild --suite stress >/dev/null 2>&1
		count_file "meson test build-tsan --suite stress" build-tsan/meson-logs/testlog.json
	fi
fi

if wants sanitize || wants system || wants captures || wants fuzz; then
	title "clang, address and undefined behaviour sanitizers, fuzz targets"
	build build-sanitize clang --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
		-Dfuzz=true -Dbench=false && sanitize_built=1
fi
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}
if wants sanitize && [ -n "${sanitize_built:-}" ]; then
	run_meson build-sanitize spin attack
fi

if wants system; then
	title "system tests"
	[ -n "${gcc_built:-}" ] && run_pytest tests/system build-gcc
	[ -n "${sanitize_built:-}" ] && run_pytest tests/system build-sanitize -m "not meaning"
fi

if wants captures; then
	title "captures against their truth"
	[ -n "${gcc_built:-}" ] && run_pytest tests/captures build-gcc
	[ -n "${sanitize_built:-}" ] && run_pytest tests/captures build-sanitize
fi

if wants fuzz && [ -n "${sanitize_built:-}" ]; then
	title "fuzzing"
	run_fuzz build-sanitize
fi

title
printf '\n%s%5d s  in all\n\n' "$times" $SECONDS
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
