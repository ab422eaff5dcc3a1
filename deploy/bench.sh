#!/bin/bash
# Benchmarks, with commit, machine and spread.
#   deploy/bench.sh [core|pipeline|callgrind]...     default: core and pipeline
#     core       JSON in memory to actions, one core: hot users, then cold ones
#     pipeline   Kafka to Kafka, beside a bare consumer; starts a real Kafka and Redis
#     callgrind  instructions an event, by function (slow; for machines that count none themselves)
set -euo pipefail
cd "$(dirname "$0")/.."

deploy/setup.sh
[ -e build/build.ninja ] || meson setup build >/dev/null
ninja -C build --quiet millrace bench/bench_core bench/bench_consume

commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
git diff --quiet HEAD 2>/dev/null || commit="$commit, changed"
echo "commit $commit; host $(hostname), $(nproc) x$(sed -n 's/^model name.*: / /p' /proc/cpuinfo | head -1); $(date -u +%F)"

core()
{
	echo '-- core, hot users'
	build/bench/bench_core bench/core.yaml --users 1000
	echo '-- core, cold users'
	build/bench/bench_core bench/core.yaml --users 100000
}

callgrind()
{
	local out

	out=$(mktemp)
	trap 'rm -f "$out"' RETURN
	valgrind --tool=callgrind --callgrind-out-file="$out" --toggle-collect=apply \
		build/bench/bench_core bench/core.yaml --events 20000 --users 500 --runs 1 --profile 2>/dev/null
	callgrind_annotate --inclusive=no "$out" | awk '/PROGRAM TOTALS/ {gsub(",", "", $1); printf "%.0f instructions an event\n", $1 / 20000}'
	callgrind_annotate --inclusive=no "$out" | awk '/file:function/ {on = 1} on && n++ < 30'
}

[ $# -gt 0 ] || set -- core pipeline
for what in "$@"; do
	case $what in
	core) core ;;
	pipeline) echo '-- Kafka to Kafka'; /usr/bin/python3 bench/pipeline.py . build ;;
	callgrind) callgrind ;;
	*) sed -n 's/^# \{0,1\}//p' "$0" | sed -n '2,6p'; exit 2 ;;
	esac
done
