#!/bin/sh
# Runs every fuzz target for FUZZTIME, one after the other. An input that fails is kept in the package's testdata.
set -eu
cd "$(dirname "$0")/.."
time=${FUZZTIME:-10s}

for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		printf '==> %s %s\n' "$package" "$target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel 1 "$package"
	done
done
