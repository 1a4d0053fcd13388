# make test is what CI runs; docs/architecture.md says what the stages are.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
IMAGE   ?= sfu

.PHONY: help build platforms run test test-long test-plain test-cluster bench measure soak gobench measure-browsers screenshots fuzz deploy-check fmt image clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 20

build: ## bin/sfu, static
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)" -o bin/sfu ./cmd/sfu

platforms: ## dist/, static, for Linux, macOS and Windows
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do \
		name=dist/sfu-$$(echo $$target | tr / -); case $$target in windows/*) name=$$name.exe ;; esac; echo $$name; \
		GOOS=$${target%/*} GOARCH=$${target#*/} CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)" -o $$name ./cmd/sfu || exit 1; \
	done

run: build ## run the server; make run ARGS=--tls-self
	exec bin/sfu $(ARGS)

test: ## everything that must pass, with what it needs installed
	@VERSION="$(VERSION)" scripts/test.sh

test-long: ## the same at full size, which takes much longer
	@SFU_LONG=1 VERSION="$(VERSION)" scripts/test.sh

test-plain: build ## whole servers and browsers again, with the WebRTC SRTP library encrypting all media
	MEDIA=plain go test -count=1 ./pkg/sfutest ./pkg/load ./pkg/client
	@scripts/install.sh
	cd web && MEDIA=plain SERVER_BINARY="$(CURDIR)/bin/sfu" npm run --silent e2e:calls

# RUNS, SHAPES, REALTIME, QUICK, DURATION and JSON reach the program by the environment; docs/performance.md explains them.
bench: ## what sfu costs, against plain pion and the targets; make bench RUNS=5 SHAPES=view50,five REALTIME=1
	@go run ./internal/bench

measure: ## the first shape of it alone, to see whether a change helps
	@SHAPES=view50 JSON=/dev/null go run ./internal/bench

soak: ## a long run near saturation, and clients that are killed; make soak DURATION=10m REALTIME=1
	@go run ./internal/bench -soak

# CHAOS and CHAOS_SEED reach the tests by the environment: how long the mishaps go on, and which ones.
test-cluster: build ## clusters of processes at full size, with a table of figures; make test-cluster CHAOS=1h
	@SFU_LONG=1 scripts/install.sh
	@SFU_LONG=1 SERVER_BINARY="$(CURDIR)/bin/sfu" go test -count=1 -v -timeout 3h ./internal/clustertest

gobench: ## the Go benchmarks of all packages
	go test -run '^$$' -bench . -benchmem ./...

measure-browsers: build ## the times that browsers see, as a table
	@scripts/install.sh
	@cd web && SERVER_BINARY="$(CURDIR)/bin/sfu" npm run --silent measure

screenshots: build ## docs/images, anew
	@scripts/install.sh
	@cd web && SERVER_BINARY="$(CURDIR)/bin/sfu" npm run --silent screenshots

fuzz: ## every fuzz target for a while; make fuzz FUZZTIME=10m
	@scripts/fuzz.sh

deploy-check: ## run or parse everything in deploy/, with HAProxy, nginx, Caddy, NATS, promtool and Helm
	@VERSION="$(VERSION)" scripts/deploy-check.sh

fmt: ## format the sources
	gofmt -w cmd internal pkg tools

image: ## the container image
	docker build -f deploy/Dockerfile --build-arg VERSION="$(VERSION)" -t "$(IMAGE)" .

clean: ## remove what was built
	rm -rf bin dist
