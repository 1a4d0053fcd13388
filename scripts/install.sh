#!/bin/sh
# Installs what the tests need and this machine lacks: Debian packages, where it may, and the page's npm packages. What it cannot install
# it names, and fails. With the word deploy it installs what make deploy-check needs instead.
set -eu
cd "$(dirname "$0")/.."

have() { command -v "$1" >/dev/null 2>&1; }

# need COMMAND PACKAGES... notes the packages if the command is missing.
missing=""
need() {
	command=$1
	shift
	have "$command" || missing="$missing $*"
}

# The race detector needs a C compiler.
need gcc gcc libc6-dev
if [ "${1:-}" = deploy ]; then
	need nginx nginx-light
	need caddy caddy
elif [ -f web/package.json ]; then
	need node nodejs
	need npm npm
fi
# Clusters have a balancer in front, and at full size a network that loses packets.
need haproxy haproxy
[ -z "${SFU_LONG:-}" ] || need nft nftables iproute2
if [ "${1:-}" != deploy ] && [ -d web/e2e ]; then
	need chromium chromium
	need firefox-esr firefox-esr
	need ffmpeg ffmpeg
	need espeak-ng espeak-ng
	[ -d /usr/share/fonts/truetype/liberation ] || [ -d /usr/share/fonts/truetype/liberation2 ] || missing="$missing fonts-liberation"
fi

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

may_install() { have apt-get && { [ "$(id -u)" -eq 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }; }

if [ -n "$missing" ]; then
	if ! may_install; then
		printf 'These Debian packages are missing, or what they are called here:%s\n' "$missing" >&2
		exit 1
	fi
	printf 'apt-get install%s\n' "$missing"
	as_root apt-get -o DPkg::Lock::Timeout=300 -qq update
	# shellcheck disable=SC2086 # one word per package
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq install -y --no-install-recommends $missing >/dev/null
fi

# Debian's Go is too old, so this is not left to apt.
wanted=$(sed -n 's/^go \([0-9.]*\)$/\1/p' go.mod)
if ! have go; then
	printf 'Go %s or newer is missing; see https://go.dev/dl/\n' "$wanted" >&2
	exit 1
fi
go list -m >/dev/null # says so if this Go is too old

if [ "${1:-}" != deploy ] && [ -f web/package.json ]; then
	node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || {
		printf 'node %s is too old, 20 or newer is needed\n' "$(node --version)" >&2
		exit 1
	}
	if ! cmp -s web/package-lock.json web/node_modules/.installed-lock; then
		(cd web && npm ci --no-audit --no-fund --loglevel=error)
		cp web/package-lock.json web/node_modules/.installed-lock
	fi
fi
