#!/bin/bash
# Benchmarks: sets up, builds, measures, and appends each figure to bench/results.jsonl.
#   deploy/bench.sh [--quick] [--suite NAME]... [--resume]
#     --quick       about three minutes; without it, all sizes that this machine has room for
#     --suite NAME  only this one: core, growth, pipeline, latency, recovery or peers
#     --resume      skip what the results file has from this commit and machine
#     --list        only say what would be run, and how long it would take
#   deploy/bench.sh callgrind     instructions an event of the core, by function
set -euo pipefail
cd "$(dirname "$0")/.."

deploy/setup.sh
[ -e build/build.ninja ] || meson setup build >/dev/null
ninja -C build --quiet benchmarks

callgrind()
{
	local out

	out=$(mktemp)
	trap 'rm -f "$out" "$out".*' RETURN
	valgrind --tool=callgrind --callgrind-out-file="$out" --instr-atstart=no \
		build/bench/bench_core bench/core.yaml --events 20000 --users 500 --runs 1 --profile 2>/dev/null
	callgrind_annotate --inclusive=no "$out.1" | awk '/PROGRAM TOTALS/ {gsub(",", "", $1); printf "%.0f instructions an event\n", $1 / 16000}'
	callgrind_annotate --inclusive=no "$out.1" | awk '/file:function/ {on = 1} on && n++ < 30'
}

case ${1:-} in
callgrind) callgrind ;;
-h | --help) sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,8p' ;;
*) exec /usr/bin/python3 bench/run.py "$@" ;;
esac
