#!/bin/sh
# Runs or parses everything in deploy/, and what docs/deploy.md tells to start by hand. make deploy-check calls this; what is quick of it is in
# make test as well.
set -eu
cd "$(dirname "$0")/.."

stage() {
	printf '\n==> %s\n' "$1"
	shift
	begin=$(date +%s)
	"$@"
	printf '==> ok, %d s\n' $(($(date +%s) - begin))
}

parsed() { (cd tools && go vet ./... && go test -count=1 ./deploy); }
ran() { (cd tools && DEPLOY_CHECK=1 go test -count=1 -parallel 4 -timeout 15m ./live); }
chart() { (cd tools/kubernetes && go vet ./... && go test -count=1 ./...); }

# Prometheus as a module needs the clients of every cloud to build, as a package 300 MB and a service; so it is only taken out of the package.
prometheus() {
	promtool=$(command -v promtool) || {
		promtool=.cache/promtool/usr/bin/promtool
		[ -x "$promtool" ] || { mkdir -p .cache/promtool && (cd .cache/promtool && apt-get -qq download prometheus && dpkg -x prometheus_*.deb . && rm prometheus_*.deb); } || return 1
	}
	"$promtool" check config deploy/prometheus/prometheus.yml && "$promtool" test rules deploy/prometheus/tests/*.yml
}

stage "install what is missing" scripts/install.sh deploy
stage "build" make --no-print-directory build VERSION="${VERSION:-unknown}"
stage "files that are parsed" parsed
stage "rules and alerts of Prometheus" prometheus
stage "chart and manifests of Kubernetes" chart
stage "balancers, and the cluster by hand" ran
