# Type make to see what there is to do. Only Go is needed, and for the tests what make peers installs.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

VERSION ?= $(shell git describe --tags --dirty 2>/dev/null || echo devel)
COMMIT ?= $(shell git describe --always --dirty 2>/dev/null)
LDFLAGS := -s -w -X main.version=$(VERSION) -X github.com/coredns/coredns/coremain.GitCommit=$(COMMIT)
# No cgo: a binary that runs anywhere. The race detector needs it, and has it below.
export CGO_ENABLED := 0

FUZZTIME ?= 30s
SOAK ?= 1h
BENCHFLAGS ?=
IMAGE ?= concord:$(VERSION)

LINTER_VERSION := v2.15.0
LINTER := .bin/golangci-lint-$(LINTER_VERSION)

.PHONY: help
help: ## print this
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## start the example: two primaries and a server that serves what they agree on
	@cat example/try.txt
	@exec ./coredns -conf Corefile.example

.PHONY: build
build: ## build ./coredns
	@echo "building ./coredns $(VERSION); the first time takes minutes, as CoreDNS has many parts"
	@go build -buildvcs=false -ldflags '$(LDFLAGS)' -o coredns ./cmd/coredns

# Rooms without a goroutine, of which some tests count allocations: the race detector makes allocations of its own.
PURE := ./internal/answer/... ./internal/config/... ./internal/parity/... ./internal/refresh/...

.PHONY: test
test: export CGO_ENABLED := 1
test: peers ## run every test, with the race detector and against NSD, Knot and BIND
	@echo "== the rooms"
	@go test $(PURE)
	@echo "== the rooms with goroutines, with the race detector; the first time takes minutes"
	@go test -race -timeout 30m $$(go list ./cmd/... ./internal/... ./plugin/... | grep -vxF "$$(go list $(PURE))")
	@echo "== the whole binary, against NSD, Knot and BIND"
	@go build -race -buildvcs=false -o .bin/coredns-race ./cmd/coredns
	@COREDNS_BINARY=$(CURDIR)/.bin/coredns-race go test -race -count=1 ./bench/...
	@COREDNS_BINARY=$(CURDIR)/.bin/coredns-race go test -race -count=1 -timeout 30m -parallel 8 ./test/...

.PHONY: peers
peers: ## install what the tests run against, where it is missing: NSD, Knot, BIND and tools
	@test/peers.sh

.PHONY: lint
lint: $(LINTER) ## check format, go.mod and code
	@echo "== gofmt"
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || echo .)); \
		[ -z "$$unformatted" ] || { printf 'run gofmt -w on:\n%s\n' "$$unformatted"; exit 1; }
	@echo "== go mod tidy"
	@go mod tidy -diff
	@echo "== golangci-lint"
	@$(LINTER) run --allow-parallel-runners ./...

$(LINTER):
	@echo "building golangci-lint $(LINTER_VERSION), once"
	@GOBIN=$(CURDIR)/.bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINTER_VERSION)
	@mv .bin/golangci-lint $@

.PHONY: bench
bench: peers build ## run the benchmarks, and measure the binary beside the peers
	@go test -run '^$$' -bench . -benchmem ./internal/... ./plugin/...
	@go run ./bench -coredns ./coredns $(BENCHFLAGS)

.PHONY: fuzz
fuzz: peers ## run each fuzz target for FUZZTIME (30s), and as long questions on which NSD, Knot and BIND vote
	@failed=0; for package in $$(go list ./internal/... ./plugin/...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "== $$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || failed=1; \
		done; \
	done; \
	echo "== the votes of NSD, Knot and BIND, and a validator, on zones by chance"; \
	go test -count=1 -timeout 0 -run '^(TestAnswersByVote|TestValidator)$$' -v ./test \
		-votes.zones 0 -votes.time $(FUZZTIME) -valid.seed 0 -valid.zones 200 || failed=1; \
	exit $$failed

.PHONY: soak
soak: peers build ## have all that can go wrong happen at once for SOAK (1h), and hold every answer against a model
	@COREDNS_BINARY=$(CURDIR)/coredns go test -count=1 -timeout 0 -run '^TestSoak$$' -v ./test \
		-soak $(SOAK) -soak.seed 0 -artifacts -outputdir .bin

.PHONY: image
image: ## build a container image, IMAGE (concord:VERSION)
	docker build --build-arg LDFLAGS='$(LDFLAGS)' -t $(IMAGE) .

.PHONY: clean
clean: ## remove what was built here
	rm -rf coredns concord.db .bin
