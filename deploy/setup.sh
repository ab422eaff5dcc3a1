#!/bin/sh
# Installs all that building, testing and the demo need, on Debian 12, by package manager.
# The second time it finds everything there and does nothing.
set -eu
cd "$(dirname "$0")/.."

packages='
	build-essential meson ninja-build pkg-config
	libsimdjson-dev librdkafka-dev libhiredis-dev libmsgpack-dev libjemalloc-dev
	libyaml-dev libxxhash-dev libmicrohttpd-dev libpcre2-dev libcriterion-dev
	redis-server redis-tools default-jre-headless maven
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

# Kafka: the jars that the pom names, kept per version of the pom.
kafka=$(deploy/servers.sh kafka-home)
if [ ! -e "$kafka/complete" ]; then
	echo "setup: copying Kafka to $kafka"
	mkdir -p "$kafka"
	mvn -q -B -f deploy/kafka/pom.xml dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$kafka"
	touch "$kafka/complete"
fi
