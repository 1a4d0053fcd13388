#!/bin/sh
# Measures what sfu costs against the plain pion baseline, and prints the medians and their ratio.
#
# One publisher sends 1.5 Mbit/s of VP8 to 50 viewers. The server has core 0, the generator core 1, and the two servers take turns, so that
# both see the same machine. Trust the ratio, not the absolute figures. RUNS, VIEWERS, BITRATE, DURATION and PORT change it;
# REALTIME=1 gives both processes real-time priority (root), without which a busy machine makes the figures useless.
set -eu
cd "$(dirname "$0")/.."

RUNS=${RUNS:-3}
VIEWERS=${VIEWERS:-50}
BITRATE=${BITRATE:-1500000}
DURATION=${DURATION:-10s}
PORT=${PORT:-18080}
REALTIME=${REALTIME:-0}

work=$(mktemp -d)
server=
# shellcheck disable=SC2317
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

on() { # on CORE COMMAND... runs a command on one core
	core=$1
	shift
	if [ "$REALTIME" = 1 ]; then
		exec taskset -c "$core" chrt -f 1 "$@"
	fi
	exec taskset -c "$core" "$@"
}

field() { # field NAME FILE prints a number of a result
	sed -n "s/^ *\"$1\": \\([0-9.e+-]*\\),*\$/\\1/p" "$2" | head -n 1
}

run() { # run NAME NUMBER measures one server
	log=$work/$1.log
	: >"$log"
	case $1 in
	sfu) on 0 "$work/sfu" --listen "127.0.0.1:$PORT" >"$log" 2>&1 & ;;
	plain) on 0 "$work/plainsfu" --listen "127.0.0.1:$PORT" >"$log" 2>&1 & ;;
	esac
	server=$!
	tries=0
	until grep -q http:// "$log"; do
		tries=$((tries + 1))
		if [ "$tries" -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
			cat "$log" >&2
			exit 1
		fi
		sleep 0.1
	done
	(on 1 "$work/sfu" load --url "http://127.0.0.1:$PORT" --publishers 1 --viewers "$VIEWERS" --bitrate "$BITRATE" \
		--duration "$DURATION" --pid "$server" --json) >"$work/$1.$2.json" 2>"$log.load" || {
		tail -n 5 "$log.load" >&2
		exit 1
	}
	kill "$server"
	wait "$server" || true
	server=
	printf '%-5s %2d  %8.2f us per packet  %6.3f cores  %8.0f packets/s  p50 %6.2f  p99 %7.2f ms  loss %.4f %%  %5.1f MiB  generator %.2f cores\n' \
		"$1" "$2" "$(field microsPerPacket "$work/$1.$2.json")" "$(field cores "$work/$1.$2.json")" \
		"$(field packetsPerSecond "$work/$1.$2.json")" "$(field p50 "$work/$1.$2.json")" "$(field p99 "$work/$1.$2.json")" \
		"$(field lossByStamps "$work/$1.$2.json" | awk '{print 100 * $1}')" \
		"$(field rssBytes "$work/$1.$2.json" | awk '{print $1 / 1048576}')" "$(field generatorCores "$work/$1.$2.json")"
}

median() { # median NAME FIELD prints the median over all runs
	for result in "$work/$1".*.json; do field "$2" "$result"; done | sort -g |
		awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}

CGO_ENABLED=0 go build -o "$work/sfu" ./cmd/sfu
CGO_ENABLED=0 go build -o "$work/plainsfu" ./internal/plainsfu

i=1
while [ "$i" -le "$RUNS" ]; do
	run plain "$i"
	run sfu "$i"
	i=$((i + 1))
done

plain=$(median plain microsPerPacket)
ours=$(median sfu microsPerPacket)
printf '\nmedian of %d runs, us of server CPU per delivered packet: plain pion %.2f, sfu %.2f, ratio %.2f\n' \
	"$RUNS" "$plain" "$ours" "$(echo "$ours $plain" | awk '{print $1 / $2}')"
printf 'median latency p50/p99: plain pion %.2f/%.2f ms, sfu %.2f/%.2f ms; memory %.0f and %.0f MiB\n' \
	"$(median plain p50)" "$(median plain p99)" "$(median sfu p50)" "$(median sfu p99)" \
	"$(median plain rssBytes | awk '{print $1 / 1048576}')" "$(median sfu rssBytes | awk '{print $1 / 1048576}')"
