FUNCTIONS := imcallback wechatpush session permits announce console deliver
# How long each fuzz target runs: a number of inputs, or a time such as 10m.
FUZZTIME  := 10000x

# What SCF runs. `make run` builds for this machine instead, into another folder.
OS    := linux
ARCH  := amd64
BUILD := build

.PHONY: help build binaries package release run test test-browser test-miniprogram test-frameworks race fuzz trust soak mutate cover lint check bench microbench simulate clean deploy scf

help: ## print this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 18

build: binaries ## build one static binary per function into build/
	@tools/buildcheck.sh $(BUILD) $(FUNCTIONS) notify.yml

# A cold start loads the whole binary, so size counts: nothing is inlined (1 MB less) but where most of
# the time goes, which costs 0.1 MB (a fifth less CPU, and the start is faster too), functions begin at
# multiples of 8 bytes instead of 32, HTTP/2 is left out, which net/http may use to repeat a request, and
# the processor may be taken for one of the last ten years (GOAMD64=v2).
INLINED := runtime/... internal/runtime/... reflect encoding/json
SMALL   := -trimpath -tags=nethttpomithttp2 -gcflags=all=-l $(INLINED:%=-gcflags=%=) -ldflags='-s -w -funcalign=8'

binaries:
	@mkdir -p $(BUILD)
	CGO_ENABLED=0 GOOS=$(OS) GOARCH=$(ARCH) GOAMD64=v2 go build $(SMALL) $(STAMP) -o $(BUILD)/ $(FUNCTIONS:%=./functions/%)
	@chmod 0755 $(FUNCTIONS:%=$(BUILD)/%)
	@install -m 0644 notify.yml $(BUILD)/notify.yml

package: build ## zip build/ into dist/wxnotify.zip, for an upload by hand
	go -C tools run ./zipdir ../$(BUILD) ../dist/wxnotify.zip

# What `make release` publishes. A binary knows the version of its commit (STAMP), and nothing of this machine.
RELEASE   := dist/release
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

release: STAMP := -buildvcs=true
release: ## build what is published into dist/release: the program for each system, a zip per function, SBOM, checksums
	@rm -rf $(RELEASE)
	@$(MAKE) --no-print-directory binaries BUILD=$(RELEASE)/functions STAMP=$(STAMP)
	@for platform in $(PLATFORMS); do \
		os=$${platform%/*} arch=$${platform#*/}; \
		case $$os in windows) ending=.exe ;; *) ending= ;; esac; \
		echo "wxnotify-$$os-$$arch$$ending"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build -trimpath -ldflags='-s -w' $(STAMP) -o $(RELEASE)/wxnotify-$$os-$$arch$$ending ./cmd/wxnotify || exit 1; \
	done
	@go -C tools run ./release $(abspath $(RELEASE))

run: ## build and start everything here, with a simulated WeChat and IM
	@go build -o build-local/ ./cmd/wxnotify
	@build-local/wxnotify dev

test: ## install what the tests need, vet, and run them
	@tools/need.sh redis-server redis-server
	@tools/timed.sh vet go vet ./...
	@tools/timed.sh 'unit tests' tools/gotest.sh -p=4 ./... # many of them wait more than they compute
	@tools/timed.sh 'tests of tools/' go -C tools test -count=1 ./... # they look at all of the tree
	@tools/timed.sh 'docs/openapi.yaml' go -C tools/openapi test -count=1 ./... # a module of its own: its validator is in nothing else
	@$(MAKE) --no-print-directory test-miniprogram

test-miniprogram: ## a part of it: install what the tests of miniprogram/ need with npm, and run them (needs node 20, else it skips them)
	@tools/timed.sh 'tests of miniprogram/' tools/nodetest.sh miniprogram

test-frameworks: ## compile an app of Taro and one of uni-app with miniprogram/ in it (installs 600 MB; needs node 20)
	@tools/timed.sh 'Taro and uni-app' miniprogram/test/frameworks/compile.sh

test-browser: ## play with the pages in Chromium, which it installs, and write docs/img
	@tools/need.sh chromium chromium
	@tools/need.sh fc-list fontconfig
	@tools/need.sh font:zh-cn fonts-wqy-zenhei # or Chinese is boxes
	@BROWSER=1 tools/timed.sh 'tests in a browser' go -C tools test -count=1 -parallel=2 ./browser

# What drives processes of its own, or counts in virtual time, shows no more under the detector.
RACY := ./shared/... $(FUNCTIONS:%=./functions/%) ./cmd/... ./simulator/... ./trust/race

race: ## run the tests under the race detector (needs a C compiler)
	@tools/need.sh redis-server redis-server
	@tools/timed.sh 'tests with -race' tools/gotest.sh -race $(RACY)

fuzz: ## run each fuzz target for FUZZTIME
	@tools/timed.sh fuzz tools/fuzz.sh $(FUZZTIME)

trust: ## hold it to its promises, 15 min at most, and write docs/reliability.md; 2 min with TRUST=short
	@tools/need.sh redis-server redis-server
	@go run ./cmd/trust $(if $(filter short,$(TRUST)),,--write docs/reliability.md)

soak: ## an hour of mixed load with faults; SOAK=10m is shorter
	@tools/need.sh redis-server redis-server
	SOAK=$${SOAK:-1h} go test -count=1 -timeout=0 -v ./trust/soak

mutate: ## break the code on purpose, in a copy, in each of the ways that tests must notice
	@tools/need.sh redis-server redis-server
	go -C tools run ./mutate ..

cover: ## print the share of statements that the tests reach; coverage.html shows which
	@tools/need.sh redis-server redis-server
	go test -coverpkg=./... -coverprofile=coverage.out ./...
	go tool cover -html=coverage.out -o coverage.html
	@go tool cover -func=coverage.out | tail -n 1

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not as gofmt writes it:" $$unformatted; exit 1; }
	@tools/timed.sh vet go vet ./...
	@for os in windows darwin; do GOOS=$$os tools/timed.sh "vet for $$os" go vet ./... || exit 1; done # where the developer tools of WeChat are
	@tools/timed.sh staticcheck go tool -modfile=tools/go.mod staticcheck ./...
	@tools/timed.sh 'types of the pages' tools/web/lint.sh

check: lint build test fuzz race ## all of the above that CI runs

# Functions are compared with one that does nothing, built in the same way.
bench: ## measure what is shipped and write docs/performance.md, 5 min; 1 min with BENCH=short, BEFORE=1 keeps the run
	@tools/need.sh redis-server redis-server
	@$(MAKE) --no-print-directory binaries BUILD=build-local OS=$$(go env GOHOSTOS) ARCH=$$(go env GOHOSTARCH)
	@CGO_ENABLED=0 GOAMD64=v2 go build $(SMALL) -o build-local/ ./cmd/bench/noop
	@go run ./cmd/bench $(if $(filter short,$(BENCH)),--out=) $(if $(BEFORE),--before)

microbench: ## run the benchmarks of the packages; compare only figures of one run
	@packages=$$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r -n1 dirname | sort -u); \
	[ -z "$$packages" ] && echo "no benchmarks" || go test -run='^$$' -bench=. -benchmem $$packages

simulate: ## play 14 days with 1,000 users against the naive rule, and write docs/simulation.md
	@tools/need.sh redis-server redis-server
	go run ./cmd/simulate

clean: ## delete what was built
	rm -rf build build-local dist deploy/terraform/.zip coverage.out coverage.html

deploy: build ## check, and deploy to Tencent Cloud, as serverless.yml and .env say; STAGE=prod makes a second deployment
	@go run ./cmd/wxnotify deploy $(if $(STAGE),--stage $(STAGE))

scf: build ## likewise by the command `scf` (npm i -g serverless-cloud-framework)
	@command -v scf >/dev/null || { echo "scf is missing: npm i -g serverless-cloud-framework"; exit 1; }
	@go build -o build-local/ ./cmd/wxnotify
	@build-local/wxnotify check $(if $(STAGE),--stage $(STAGE)) || [ $$? = 3 ] # 3: warnings only
	@tools/deploy.sh $(STAGE)
