#!/bin/sh
# Installs all that building, testing and the demo need, on Debian 12, by package manager.
# The second time it finds everything there and does nothing.
set -eu
cd "$(dirname "$0")/.."

packages='
	build-essential meson ninja-build pkg-config
	libsimdjson-dev librdkafka-dev libhiredis-dev libmsgpack-dev libjemalloc-dev
	libyaml-dev libxxhash-dev libmicrohttpd-dev libpcre2-dev libcriterion-dev
	redis-server redis-tools default-jdk-headless maven
	python3 python3-venv python3-yaml python3-jsonschema python3-xxhash python3-confluent-kafka
	libfaketime tzdata valgrind chromium shellcheck curl jq ca-certificates git'

missing=
for p in $packages; do
	state=$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null || true)
	[ "$state" = installed ] || missing="$missing $p"
done
if [ -n "$missing" ]; then
	echo "setup: installing$missing"
	as_root=
	if [ "$(id -u)" != 0 ]; then
		if ! command -v sudo >/dev/null; then
			echo "setup: run this as root once, or install:$missing" >&2
			exit 1
		fi
		as_root='sudo'
	fi
	# RUNLEVEL=1: packages don't start their services; nothing here relies on a running Redis.
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
	# shellcheck disable=SC2086  # the list is split on purpose
	$as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends $missing
fi

# What comes from Maven Central: Kafka, and the peers of bench/peers.
deploy/jars.sh kafka deploy/kafka/pom.xml >/dev/null
deploy/jars.sh peers bench/peers/pom.xml >/dev/null
