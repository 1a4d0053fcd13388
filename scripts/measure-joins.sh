#!/bin/sh
# Measures what silent participants cost: memory, goroutines and CPU time for each, see internal/joincost. The server has core 0, the
# participants core 1. SIZES, SHAPES, RATE and SETTLE change it; ARGS are further ones for the server.
set -eu
cd "$(dirname "$0")/.."

SIZES=${SIZES:-100 200 500}
SHAPES=${SHAPES:-line page}
RATE=${RATE:-25}
SETTLE=${SETTLE:-10s}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$work/sfu" ./cmd/sfu
CGO_ENABLED=0 go build -o "$work/joincost" ./internal/joincost
for shape in $SHAPES; do
	for size in $SIZES; do
		taskset -c 1 "$work/joincost" --server "$work/sfu" --args "${ARGS:-}" --shape "$shape" --participants "$size" --rate "$RATE" --settle "$SETTLE"
	done
done
