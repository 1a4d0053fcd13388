#!/bin/sh
# Runs every check, in the order of how soon they fail, and says how long each took. The first one that fails ends it.
# make test calls this, make test-long does with SFU_LONG set.
set -eu
cd "$(dirname "$0")/.."

STATICCHECK=honnef.co/go/tools/cmd/staticcheck@v0.8.2
LONGEST=10m BROWSERS=e2e
[ -z "${SFU_LONG:-}" ] || LONGEST=1h BROWSERS=e2e:full
summary=""
started=$(date +%s)

# What the two media paths could differ in; make test-plain runs all of it.
PLAIN='^Test(TwoPeopleTalk|Echo|SimulcastFollowsTheView|Repair|TCP|PublishMuteUnpublish|MixedCodecs|ICERestartAfterRebind|SocketLostMediaGoesOn|KilledIsSeen|CountersAgree|M18_|M29_|M31_|M33_)'
[ -z "${SFU_LONG:-}" ] || PLAIN=.

# stage NAME COMMAND... runs one check. The output of the command is passed on as it is.
stage() {
	name=$1
	shift
	printf '\n==> %s\n' "$name"
	begin=$(date +%s)
	status=0
	"$@" || status=$?
	took=$(($(date +%s) - begin))
	if [ "$status" -ne 0 ]; then
		printf '\n==> FAILED: stage "%s", after %d s (exit code %d)\n' "$name" "$took" "$status" >&2
		exit 1
	fi
	printf '==> %s: ok, %d s\n' "$name" "$took"
	summary="$summary$(printf '%5d s  %s' "$took" "$name")
"
}

formatted() {
	unformatted=$(find . -name '*.go' -not -path '*/node_modules/*' -exec gofmt -l {} +) || return 1
	[ -z "$unformatted" ] || {
		printf 'not formatted, see gofmt -d:\n%s\n' "$unformatted" >&2
		return 1
	}
}

vetted() { go vet ./... && (cd tools && go vet ./...); }

# What other systems than Linux use of it runs here as well.
portable() {
	for target in darwin/arm64 windows/amd64 linux/386; do
		GOOS=${target%/*} GOARCH=${target#*/} go vet ./pkg/udp || return 1
	done
	go test -race -tags portable ./pkg/udp
}

# The files lie outside of the module, so a cached result may be out of date.
deployment() { (cd tools && go test -count=1 ./...); }

# Many packages wait more than they work, so more of them than processors run at a time, and those that take longest begin first. Meanwhile whole servers
# run once more without the direct path.
units() {
	output=$(mktemp)
	MEDIA=plain go test -count=1 -timeout "$LONGEST" -run "$PLAIN" ./pkg/sfutest >"$output" 2>&1 &
	plain=$!
	trap 'kill "$plain"; rm -f "$output"' INT TERM
	failed=0
	go test -race -p 4 -timeout "$LONGEST" ./pkg/sfutest ./pkg/load ./pkg/doctor ./pkg/forwarder ./cmd/sfu ./... || failed=1
	wait "$plain" || failed=1
	trap - INT TERM
	printf '\nwithout the direct path:\n'
	cat "$output"
	rm -f "$output"
	return "$failed"
}

web() { (cd web && SERVER_BINARY="$PWD/../bin/sfu" npm run --silent "$1"); }

stage "install what is missing" scripts/install.sh
stage "format" formatted
stage "vet" vetted
stage "staticcheck" go run "$STATICCHECK" ./...
stage "build" make --no-print-directory build VERSION="${VERSION:-unknown}"
stage "imports and versions" go test -run '^Test(Imports|ImportTable|VersionFloors|DecidedVersions)' ./cmd/sfu
stage "unit tests, with the race detector" units
stage "sockets of other systems" portable
stage "model of the cluster" go test -count=1 -timeout "$LONGEST" -run '^TestModel$' ./pkg/cluster/ownership
stage "deployment files" deployment
if [ -f web/package.json ]; then
	stage "page: types" web check
	stage "page: unit tests" web test
fi
# The server takes every variable that begins with SFU_ for its own.
stage "whole server" env -u SFU_LONG SERVER_BINARY="$PWD/bin/sfu" go test -count=1 -run '^TestBinary' ./cmd/sfu
# The tests know SFU_LONG, and keep it from the servers. Small ones wait more than they work.
stage "cluster" env SERVER_BINARY="$PWD/bin/sfu" go test -count=1 -parallel 4 -timeout "$LONGEST" ./internal/clustertest
if [ -d web/e2e ]; then
	stage "browsers" web "$BROWSERS"
fi

printf '\n==> all stages passed\n%s%5d s  in all\n' "$summary" $(($(date +%s) - started))
