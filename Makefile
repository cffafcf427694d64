# Everything that is done with this project from a shell. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help run test cli bench chaos lint fmt fuzz clean

DATA ?= .data/demo
ADDR ?= 127.0.0.1:8080
FUZZTIME ?= 30s
SEEDS ?= 50
RUNS ?= 40
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOFLAGS_BUILD := -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: cli ## archive a sample month on this machine, show it, and serve the API (Ctrl-C stops; DATA=, ADDR=)
	./dist/admin-assistant serve --demo --data $(DATA) --addr $(ADDR)

test: ## run all tests
	go test -shuffle=on ./...

cli: ## build the command line program into dist/
	@mkdir -p dist
	go build $(GOFLAGS_BUILD) -o dist/admin-assistant ./cmd/admin-assistant

bench: ## run the benchmarks, with allocations
	go test -timeout 60m -run '^$$' -bench . -benchmem ./...

chaos: ## archive a changing mailbox under random faults, for a long time (SEEDS=, RUNS=)
	go test -count=1 -timeout 2h ./shared/archive/chaos -run TestChaos -seeds $(SEEDS) -runs $(RUNS)

lint: ## check format, vet and the list of modules
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run: make fmt'; exit 1; }
	go vet ./...
	go mod tidy -diff
	go mod verify

fmt: ## format the code
	gofmt -w $$(git ls-files '*.go')

fuzz: ## fuzz every parser for FUZZTIME each
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

clean: ## remove what was built, and the demo's data
	rm -rf dist .data
