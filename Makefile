# Everything that is done with this project from a shell. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help run test tools chromium poppler shells cli build stage not-prod doctor synth templates diff migrate deploy destroy smoke rollback logs
.PHONY: bench install release chaos rehearse reality readers screenshots schemathesis lint licences sbom vuln fmt fuzz clean

# One way to compile everything: what a test compiled, a build need not compile again.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath

DATA ?= .data/demo
ADDR ?= 127.0.0.1:8080
FUZZTIME ?= 30s
SEEDS ?= 50
RUNS ?= 40
CALENDARS ?= 3000
SEED ?= 1
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -buildid= -X main.version=$(VERSION)
FUNCTIONS := $(notdir $(patsubst %/main.go,%,$(wildcard functions/*/main.go)))

help: ## list the targets
	@awk '/^[a-z-]+:.*## / {name = $$1; sub(/:$$/, "", name); sub(/.*## /, ""); printf "%-13s %s\n", name, $$0}' $(MAKEFILE_LIST)

run: cli ## archive a sample month on this machine, show it, and serve the pages and the API (Ctrl-C stops; DATA=, ADDR=)
	./dist/admin-assistant serve --demo --data $(DATA) --addr $(ADDR)

test: tools ## run all tests, with stand-ins for AWS beside them
	go run ./cmd/awslocal go test -shuffle=on -timeout 30m ./...

# What the tests need beside Go goes into .tools/, pinned, and only if each file has the checksum that is kept here.
# Without Java, Python or Node it is left out, but not where CI=true.
DYNAMODB_LOCAL := .tools/dynamodb-local/installed-3.3.1
MOTO := .tools/moto/installed-5.2.1
ICALENDAR := .tools/icalendar/installed-7.3.2
ICALJS := .tools/icaljs/installed
OPENPYXL := .tools/openpyxl/installed-3.1.5
AXE := .tools/axe/installed
CDK := .tools/cdk/installed
CFN_LINT := .tools/cfn-lint/installed-1.58.0
CHECKOV := .tools/checkov/installed-3.3.30
AWSCLI := .tools/awscli/installed-1.46.3
PYTHON_CLIENT := .tools/pythonclient/installed-0.29.0
RIE := .tools/rie/installed-1.170.0
SHA256 := $(or $(shell command -v sha256sum),shasum -a 256)

TOOLS := $(DYNAMODB_LOCAL) $(MOTO) $(ICALENDAR) $(ICALJS) $(OPENPYXL) $(AXE) $(CDK) $(AWSCLI) $(RIE) $(PYTHON_CLIENT)
tools: $(TOOLS) chromium poppler shells ## install what tests and deployment need beside Go into .tools/

# without NAME,WHY says what is left out, or fails where nothing may be
without = { echo "$(1) is left out: $(2)"; test "$$CI" != true; }

$(DYNAMODB_LOCAL): shared/awstest/engines/pom.xml shared/awstest/engines/jars.sha256
	@if command -v java >/dev/null && command -v mvn >/dev/null; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing DynamoDB Local' && \
		mvn -q -B -C -f $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(@D)/unchecked && \
		(cd $(@D)/unchecked && export LC_ALL=C && $(SHA256) *) | diff $(word 2,$^) - && mv $(@D)/unchecked $(@D)/lib && touch $@; \
	else $(call without,DynamoDB Local,it needs Java 17 and Maven); fi

# pip-install FILE makes a Python environment of wheels alone: what is built from source would bring what has no checksum
pip-install = python3 -m venv $(@D) && $(@D)/bin/pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r $(1)

$(MOTO): shared/awstest/engines/requirements.txt
	@if command -v python3 >/dev/null && python3 -c 'import venv'; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing moto' && $(call pip-install,$<) && touch $@; \
	else $(call without,moto,it needs Python 3.10 with venv); fi

$(ICALENDAR): shared/backup/testdata/reader/requirements.txt
	@if command -v python3 >/dev/null && python3 -c 'import venv'; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing icalendar' && $(call pip-install,$<) && touch $@; \
	else $(call without,icalendar,it needs Python 3.10 with venv); fi

$(OPENPYXL): shared/timesheet/xlsx/testdata/requirements.txt
	@if command -v python3 >/dev/null && python3 -c 'import venv'; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing openpyxl' && $(call pip-install,$<) && touch $@; \
	else $(call without,openpyxl,it needs Python 3.10 with venv); fi

READERS := shared/calendar/importing/testdata/readers
$(ICALJS): $(READERS)/package-lock.json $(READERS)/package.json
	@if command -v npm >/dev/null; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing ical.js' && cp $^ $(@D) && \
		npm ci --prefix $(@D) --ignore-scripts --loglevel=error --no-fund --no-audit && touch $@; \
	else $(call without,ical.js,it needs Node 20 with npm); fi

# axe-core finds what keeps people from using a page
$(AXE): shared/web/testdata/axe/package-lock.json shared/web/testdata/axe/package.json
	@if command -v npm >/dev/null; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing axe-core' && cp $^ $(@D) && \
		npm ci --prefix $(@D) --ignore-scripts --loglevel=error --no-fund --no-audit && touch $@; \
	else $(call without,axe-core,it needs Node 20 with npm); fi

SCHEMATHESIS := .tools/schemathesis/installed-4.32.5
$(SCHEMATHESIS): shared/httpapi/testdata/schemathesis/requirements.txt
	@if command -v python3 >/dev/null && python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))'; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing schemathesis' && $(call pip-install,$<) && touch $@; \
	else $(call without,schemathesis,it needs Python 3.11 with venv); fi

# openapi-python-client makes a client of the API's document, with which a test does the main job
$(PYTHON_CLIENT): cmd/admin-assistant/testdata/python/requirements.txt
	@if command -v python3 >/dev/null && python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))'; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing openapi-python-client' && $(call pip-install,$<) && touch $@; \
	else $(call without,openapi-python-client,it needs Python 3.11 with venv); fi

# cfn-lint and checkov look at templates; the AWS command line is what the tests run the commands of runbooks with
$(CFN_LINT): infra/tool/cfn-lint/requirements.txt
$(CHECKOV): infra/tool/checkov/requirements.txt
$(AWSCLI): infra/tool/awscli/requirements.txt
$(CFN_LINT) $(CHECKOV) $(AWSCLI):
	@if command -v python3 >/dev/null && python3 -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))'; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing $(notdir $(@D))' && $(call pip-install,$<) && touch $@; \
	else $(call without,$(notdir $(@D)),it needs Python 3.11 with venv); fi

# Lambda's own emulator of its Runtime API. It comes inside of a package for Python that is otherwise left alone.
$(RIE): infra/tool/rie/requirements.txt
	@if command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing aws-lambda-rie' && \
		python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes --only-binary :all: \
			--target $(@D)/unpacked -r $< && \
		mv $(@D)/unpacked/samcli/local/rapid/aws-lambda-rie-* $(@D) && chmod +x $(@D)/aws-lambda-rie-* && rm -rf $(@D)/unpacked && touch $@; \
	else $(call without,aws-lambda-rie,it needs Python 3 with pip); fi

# a browser comes from the system; where none may be installed, the tests in a browser are left out
chromium:
	@if command -v "$${CHROMIUM:-chromium}" chromium-browser google-chrome >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium; \
	else $(call without,Chromium,the system has none; install its package chromium); fi

# what reads PDF comes from the system; where none may be installed, the tests that read PDF are left out
poppler:
	@if command -v pdftotext >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends poppler-utils; \
	else $(call without,poppler,the system has none; install its package poppler-utils); fi

# shells whose completion is tried out come from the system; where none may be installed, those tests are left out
shells:
	@if command -v zsh >/dev/null && command -v fish >/dev/null && test -r /usr/share/bash-completion/bash_completion; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends zsh fish bash-completion; \
	else $(call without,completion in zsh and fish,the system lacks them; install its packages zsh fish bash-completion); fi

$(CDK): infra/tool/package-lock.json infra/tool/package.json
	@if command -v npm >/dev/null; then \
		rm -rf $(@D) && mkdir -p $(@D) && echo 'installing the CDK command' && cp $^ $(@D) && \
		npm ci --prefix $(@D) --ignore-scripts --loglevel=error --no-fund --no-audit && touch $@; \
	else $(call without,the CDK command,it needs Node 20 with npm); fi

cli: ## build the command line program into dist/
	@mkdir -p dist
	@test "$$(go list -f '{{.Stale}}' github.com/microsoftgraph/msgraph-sdk-go/models)" = false || \
		echo "the first build takes some minutes, since it compiles Microsoft's SDK for Graph, which is large; later ones take seconds"
	go build -ldflags "$(LDFLAGS)" -o dist/admin-assistant ./cmd/admin-assistant

PREFIX ?= $(HOME)/.local
install: cli ## install the program with its completions and manual pages below PREFIX (default: ~/.local)
	@mkdir -p $(DESTDIR)$(PREFIX)/bin $(addprefix $(DESTDIR)$(PREFIX)/share/,bash-completion/completions zsh/site-functions fish/vendor_completions.d man/man1)
	install -m 755 dist/admin-assistant $(DESTDIR)$(PREFIX)/bin/admin-assistant
	dist/admin-assistant completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/admin-assistant
	dist/admin-assistant completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_admin-assistant
	dist/admin-assistant completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/admin-assistant.fish
	dist/admin-assistant man $(DESTDIR)$(PREFIX)/share/man/man1
	@command -v admin-assistant >/dev/null || echo 'put $(PREFIX)/bin into PATH'

release: ## build archives of the program, the same bytes for the same commit, into dist/release/ (PLATFORMS='linux/amd64 ...', default: all six)
	go run ./infra/release -version '$(VERSION)' $(PLATFORMS)

build: $(FUNCTIONS:%=dist/functions/%/bootstrap) ## build all functions for Lambda (arm64) into dist/functions/; the same commit gives the same bytes

# Go knows what is up to date; the folder holds the binary and nothing else, since all of it is deployed
dist/functions/%/bootstrap: .FORCE
	@mkdir -p $(@D)
	GOOS=linux GOARCH=arm64 go build -buildvcs=false -tags lambda.norpc -ldflags "$(LDFLAGS)" -o $@ ./functions/$*

.PHONY: .FORCE
.FORCE:

# STAGE is dev, staging or prod; infra/settings.go lists what else a deployment needs to know
CDK_RUN = JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION=1 JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION=1 \
	JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20 .tools/cdk/node_modules/.bin/cdk --no-notices -c stage=$(STAGE) -c commit=$(VERSION)
stage:
	@case '$(STAGE)' in dev|staging|prod) ;; *) echo 'say which stage: STAGE=dev, staging or prod'; exit 2;; esac

not-prod: stage
	@test '$(STAGE)' != prod || { echo 'prod is not destroyed from here'; exit 2; }

synth: stage build $(CDK) ## make the CloudFormation templates of a stage (STAGE=) in cdk.out/
	$(CDK_RUN) synth --quiet --all

templates: synth $(CFN_LINT) $(CHECKOV) ## look for mistakes in the templates of a stage, with cfn-lint and checkov (STAGE=)
	@test ! -e $(CFN_LINT) || .tools/cfn-lint/bin/cfn-lint --config-file infra/tool/cfn-lint/config.yaml --template cdk.out/*.template.json
	@test ! -e $(CHECKOV) || .tools/checkov/bin/checkov --config-file infra/tool/checkov/config.yaml --file cdk.out/*.template.json

# what the account says of itself decides whether instances are reserved; without an answer the stage decides
CONCURRENCY = $(shell aws lambda get-account-settings --query AccountLimit.ConcurrentExecutions --output text 2>/dev/null | grep -E '^[1-9][0-9]*$$')
# and whether SES keeps it in its sandbox, which permissions the mail needs
SANDBOX = $(shell test "$$(aws sesv2 get-account --query ProductionAccessEnabled --output text 2>/dev/null)" != False || echo on)
CDK_THERE = $(CDK_RUN) $(addprefix -c account-concurrency=,$(CONCURRENCY)) $(addprefix -c mail-sandbox=,$(SANDBOX))

doctor: ## say what is missing on this machine, and with STAGE= in the account
	go run ./infra doctor $(addprefix -stage ,$(STAGE))

diff: stage build $(CDK) ## show what a deployment of a stage would change (STAGE=)
	$(CDK_THERE) diff --all

migrate: stage ## bring the stored records of a stage into the form that this source reads, before it is deployed (STAGE=, SHOW=1 only says what it would do)
	go run ./infra migrate -stage $(STAGE) -commit '$(VERSION)' $(if $(SHOW),-show)

deploy: stage build $(CDK) ## deploy a stage, if the account has what that needs (STAGE=)
	go run ./infra doctor -deploying -stage $(STAGE)
	go run ./infra migrate -stage $(STAGE) -commit '$(VERSION)'
	$(CDK_THERE) deploy --all --parameters 'admin-assistant-$(STAGE)-service:Versions=newest,newest,newest,newest,newest' \
		--require-approval broadening --outputs-file dist/outputs-$(STAGE).json
	go run ./infra doctor -deploying -stage $(STAGE)

destroy: not-prod build $(CDK) ## remove a stage (STAGE=), but never prod
	$(CDK_RUN) destroy --all

# what a deployed stage calls itself; needs the AWS command line
output = $$(aws cloudformation describe-stacks --stack-name admin-assistant-$(STAGE)-service \
	--query "Stacks[0].Outputs[?OutputKey=='$(1)'].OutputValue" --output text)
FUNCTION ?= api
Function = Function$(shell echo '$(FUNCTION)' | awk '{print toupper(substr($$0, 1, 1)) substr($$0, 2)}')

smoke: stage ## call a deployed stage: its health, and a round trip with the token in ADMIN_ASSISTANT_TOKEN (STAGE=)
	.ci/smoke "$(call output,ApiUrl)" "$(call output,AlarmTopic)"

rollback: stage ## put all functions of a stage back to the versions of the deployment before (STAGE=, SHOW=1 only says what it would do)
	go run ./infra rollback -stage $(STAGE) $(if $(SHOW),-show)

logs: stage ## follow the log of a deployed function (STAGE=, FUNCTION=)
	@set -eu; name="$(call output,$(Function))"; \
	group=$$(aws lambda get-function-configuration --function-name "$$name" --query LoggingConfig.LogGroup --output text); \
	aws logs tail --follow --since 1h "$$group"

bench: ## run the benchmarks, with allocations
	go test -timeout 60m -run '^$$' -bench . -benchmem ./...

chaos: ## archive a changing mailbox, and restore into one, under random faults, for a long time (SEEDS=, RUNS=, SWITCHES=)
	go test -count=1 -timeout 2h ./shared/archive/chaos -run TestChaos -seeds $(SEEDS) -runs $(RUNS) -switches '$(SWITCHES)'
	go test -count=1 -timeout 2h ./shared/archive -run TestARandomHistoryOfDecisionsHolds -model-seeds $(SEEDS) -steps 200
	go test -count=1 -timeout 2h ./shared/restore/outlook -run 'TestRestoresSurviveChaos|WithSwitches' -seeds $(SEEDS)
	go test -count=1 -timeout 2h ./shared/proof -run 'TestAnHonestLedgerHolds|TestTamperingIsFound' -histories $(SEEDS)

rehearse: $(MOTO) $(DYNAMODB_LOCAL) $(AWSCLI) ## run every command of the runbooks against stand-ins for AWS
	go run ./cmd/awslocal go test -count=1 -timeout 60m ./infra/rehearsal -rehearse

reality: ## ask Microsoft 365 how it behaves, in scratch calendars that are removed again (MAILBOX= your own, ADMIN_ASSISTANT_GRAPH_* set)
	go run ./cmd/reality $(MAILBOX)

schemathesis: cli $(SCHEMATHESIS) ## ask the API by its OpenAPI document, with good data and bad (EXAMPLES= for each operation)
	@test ! -e $(SCHEMATHESIS) || .ci/schemathesis

screenshots: chromium ## make the pictures of the README in docs/screenshots/
	go test -count=1 ./shared/web -run TestScreenshots -screenshots $(CURDIR)/docs/screenshots

readers: tools ## compare calendars with what other software reads of them, thousands of them (CALENDARS=, SEED=)
	go test -count=1 -timeout 2h ./shared/calendar/importing -run TestOtherSoftware -calendars $(CALENDARS) -seed $(SEED) -v

lint: ## check format, vet and the list of modules
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo 'run: make fmt'; exit 1; }
	go vet ./...
	go mod tidy -diff
	go mod verify

PROGRAMS := dist/admin-assistant $(FUNCTIONS:%=dist/functions/%/bootstrap)
licences: cli build ## list the modules in the programs with their licences; fails on one that is not taken
	go run ./infra/supply $(PROGRAMS)

sbom: cli build ## write a bill of materials (CycloneDX) of each program into dist/sbom/
	go run ./infra/supply -sbom dist/sbom -version '$(VERSION)' $(PROGRAMS)

GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
# only what is linked into a program can be reached in it; loading the source of everything that is imported would take minutes and gigabytes
vuln: ## look for known vulnerabilities in the code that is in the programs
	@dir="$$(mktemp -d)"; trap 'rm -rf "$$dir"' EXIT; \
	for program in cmd/admin-assistant $(FUNCTIONS:%=functions/%); do \
		case $$program in functions/*) target='GOOS=linux GOARCH=arm64';; *) target=;; esac; \
		env $$target go build -buildvcs=false -tags lambda.norpc -o "$$dir/program" ./$$program || exit 1; \
		out="$$(go run $(GOVULNCHECK) -mode binary "$$dir/program" 2>&1)" && { echo "$$program: $$out"; continue; }; \
		case "$$out" in \
		*'fetching vulnerabilities: '*) echo 'vulnerabilities were not looked for: their database cannot be reached'; test "$$REQUIRE_VULN" != true; exit;; \
		*) echo "$$program: $$out"; exit 1;; esac; \
	done

fmt: ## format the code
	gofmt -w $$(git ls-files '*.go')

fuzz: ## fuzz every parser for FUZZTIME each
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg || exit 1; \
		done; \
	done

clean: ## remove what was built, and the demo's data
	rm -rf dist .data
