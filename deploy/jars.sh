#!/bin/sh
# jars.sh [--where] NAME POM: prints the folder with the jars that a pom names, kept per version of the pom;
# fetches them from Maven Central where they are not there yet (--where: never).
set -eu
fetch=yes
if [ "$1" = --where ]; then
	fetch=no
	shift
fi
folder=${MILLRACE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/millrace}/$1-$(cksum <"$2" | cut -d' ' -f1)
if [ $fetch = yes ] && [ ! -e "$folder/complete" ]; then
	echo "setup: copying $1's jars to $folder" >&2
	mkdir -p "$folder"
	mvn -q -B -f "$2" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$folder" >&2
	touch "$folder/complete"
fi
echo "$folder"
