#!/bin/sh
# Each mutation must be found within the seeds that the production code passes. $1: build/tests/sim.
missed=0
for name in $("$1" --mutations); do
	if "$1" --seeds 1-2000 --mutation "$name" >/dev/null 2>&1; then
		echo "not found: $name"
		missed=1
	else
		echo "found: $name"
	fi
done
exit $missed
