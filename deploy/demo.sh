#!/bin/bash
# Set-up, build, and the demo: in one process with an embedded Kafka and a store in memory.
#   deploy/demo.sh [--kafka] [OPTION]...    --kafka: against a real broker and Redis, started here
#                                           and ended with it; other options go to `millrace demo`
set -euo pipefail
cd "$(dirname "$0")/.."

kafka=no
args=()
for arg in "$@"; do
	case $arg in
	--kafka) kafka=yes ;;
	*) args+=("$arg") ;;
	esac
done

deploy/setup.sh
[ -e build/build.ninja ] || meson setup build >/dev/null
ninja -C build --quiet millrace
if [ $kafka = no ]; then
	exec build/millrace demo "${args[@]}"
fi

scratch=$(mktemp -d)
trap 'deploy/servers.sh stop "$scratch"; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
echo 'demo: starting Kafka and Redis' >&2
deploy/servers.sh start "$scratch"
set -a
# shellcheck disable=SC1091  # written by servers.sh
. "$scratch/env"
set +a
build/millrace demo --brokers "$KAFKA_BROKERS" --redis "$REDIS_URL" "${args[@]}"
