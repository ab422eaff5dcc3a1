#!/bin/bash
# Set-up, build, every test: the plain build with all of them, and the unit tests once more under
# the address and undefined-behaviour sanitizers, which are compiled while the tests of the plain
# build wait for their servers. The last line counts single test cases.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# Where the shared material must be there, a test that doesn't find it fails instead of skipping.
if [ "${CI:-}" = true ]; then
	export MILLRACE_REQUIRE_SHARED=1
fi
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1

# build DIR OPTION...: configures where needed, then compiles
build()
{
	local dir=$1

	shift
	if [ ! -e "$dir/build.ninja" ]; then
		meson setup "$dir" "$@" >/dev/null || { tail -n 30 "$dir/meson-logs/meson-log.txt"; return 1; }
	fi
	ninja -C "$dir" --quiet
}

# check DIR OPTION...: runs meson's tests; shows the output of those that failed
check()
{
	local dir=$1

	shift
	rm -f "$dir"/meson-logs/testlog.json "$dir"/meson-logs/*.criterion.json
	meson test -C "$dir" --no-rebuild --print-errorlogs --quiet "$@"
}

# Warnings are errors in the plain build; at other levels of optimisation gcc warns of what cannot be.
build_sanitized()
{
	build build-asan -Dwerror=false -Db_sanitize=address,undefined -Db_lundef=false -Doptimization=1 &&
		build build-tsan -Dwerror=false -Db_sanitize=thread -Db_lundef=false -Doptimization=1 -Dtests=false
}

# For the session that this begins below: it has but what the tests leave of the processor. Sessions have
# equal shares, however nice their processes are (autogroup), unless the session itself is nice.
if [ "${1:-}" = --behind ]; then
	{ echo 19 >/proc/self/autogroup; } 2>/dev/null
	chrt --idle --pid 0 $$
	build_sanitized
	exit
fi

deploy/setup.sh || exit 1
# One Kafka and one Redis for the unit tests that want real ones; tests of the whole start their own.
scratch=$(mktemp -d)
behind=
trap '[ -z "$behind" ] || kill -- "-$behind" 2>/dev/null; deploy/servers.sh stop "$scratch"; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
deploy/servers.sh start "$scratch" --acl || exit 1
set -a
# shellcheck disable=SC1091  # written by servers.sh
. "$scratch/env"
set +a
code=0
build build || exit 1
setsid deploy/test.sh --behind >"$scratch/behind.log" 2>&1 &
behind=$!
check build || code=1
if ! wait "$behind"; then
	cat "$scratch/behind.log"
	exit 1
fi
behind=
check build-asan --no-suite project --no-suite system --no-suite faults --no-suite sim --no-suite bench || code=1
check build-tsan --suite threads || code=1
python3 deploy/count_tests.py build build-asan build-tsan || code=1
exit $code
