# Two commands are enough: `make run` to use Sketchnorm, `make test` to work on it.
PYTHON ?= python3
PORT ?= 8000
# `make test PYTHON=/usr/bin/python3 VENV=.venv-3.11.2` tries another Python beside the usual one.
VENV ?= .venv
export VENV
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check

.PHONY: run dev sam container containers container-tool setup test test-deploy test-packages test-postgres test-servers test-training endurance fuzz nightly benchmarks reproduce lint checkov licences lock train-setup clean
.PHONY: images scan push deploy drill rotate-password destroy notify

run: $(VENV)/runtime.stamp
	$(VENV)/bin/sketchnorm serve --port $(PORT)

dev: setup
	$(VENV)/bin/sketchnorm serve --port $(PORT) --reload

# The Lambda function's image behind an emulated gateway, and the service's image as a Fargate task.
# exec: SIGTERM, which make hands on to its own child alone, reaches the script and not a shell before it.
CONTAINERS = exec tests/support/containers/with.sh
sam: container-tool setup
	$(CONTAINERS) env SAM_CLI_TELEMETRY=0 sh -c "$(VENV)/bin/sam build ApiFunction && exec $(VENV)/bin/sam local start-api --port $(PORT)"

container: container-tool setup
	$(CONTAINERS) sh -c '"$$CONTAINER_TOOL" build --network host -f Dockerfile.ecs -t sketchnorm-ecs . \
	  && exec "$$CONTAINER_TOOL" run --rm --label "$$CONTAINER_LABEL" --publish $(PORT):$(PORT) --cpus 0.25 --memory 512m \
	  --read-only --tmpfs /tmp -e ENVIRONMENT=local -e DATA_DIR=/tmp/sketchnorm -e PORT=$(PORT) \
	  -e DRAIN_SECONDS=0 sketchnorm-ecs'

# Installs podman on Debian, as root; only when asked for by name.
containers: setup
	tests/support/containers/set_up.sh

# Comes first, so that nothing is begun if no image can be built.
container-tool:
	@tests/support/containers/tool.sh

setup: $(VENV)/dev.stamp

test: setup
	$(VENV)/bin/python -m pytest -n auto

# The images, within their limits.
test-packages: container-tool setup
	$(CONTAINERS) $(VENV)/bin/python -m pytest -m packages tests/packages

# The database's promises on a PostgreSQL server, kills included; the tests start their own.
test-postgres: setup
	$(VENV)/bin/python -m pytest -m postgres -n auto

# S3 and Secrets Manager as servers that are stopped and frozen; functions under AWS's emulator of Lambda.
test-servers: setup
	$(VENV)/bin/python -m pytest -m "servers and not endurance" -n auto

# Releases, their failures and their way back, against a made-up AWS.
test-deploy: setup
	$(VENV)/bin/python -m pytest -m deploy tests/ecs/deploy -n auto

# Whole bundles, trained and evaluated on made-up drawings.
test-training: setup
	$(VENV)/bin/python -m pytest -m training tests/training -n auto

# What takes minutes: kills, loads and outages as often and as long as the promises say.
endurance: setup
	$(VENV)/bin/python -m pytest -m "endurance and not postgres" -n auto

# Made-up bytes for all that reads bytes, SECONDS for each of the three; the same for the same SEED.
SECONDS ?= 20
SEED ?= 1
fuzz: $(VENV)/fuzz.stamp
	$(VENV)/bin/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED)

# All as often, or as long, as one has a night for; each night other bytes, requests and credentials.
# A release takes over in AWS's own times: ten minutes for each way that it can end.
nightly: $(VENV)/fuzz.stamp
	SKETCHNORM_TIME_SCALE=1 $(VENV)/bin/python -m pytest -m "endurance or not packages" -o timeout=3600 tests/ecs/deploy/test_rolling.py
	SKETCHNORM_ROUNDS=200 $(VENV)/bin/python -m pytest -m "not postgres and (endurance or not packages)" tests/durability tests/storage tests/backups
	SKETCHNORM_ROUNDS=200 $(VENV)/bin/python -m pytest tests/web/test_api.py tests/web/test_credentials.py
	$(VENV)/bin/python -m tests.fuzz --seconds 600

# Each prints what README and docs say, and fails where a limit is not kept. What a neighbour of this machine
# spoiled is measured anew; what is lost is lost twice.
TWICE = sh -c '"$$@" || "$$@"' --
benchmarks: container-tool setup
	$(TWICE) $(VENV)/bin/python benchmarks/analysis_cpu.py
	$(TWICE) $(VENV)/bin/python -m benchmarks.access
	$(TWICE) $(VENV)/bin/python -m benchmarks.usage
	$(TWICE) $(VENV)/bin/python -m benchmarks.cold_start
	$(CONTAINERS) $(TWICE) $(VENV)/bin/python -m benchmarks.container_start

# Both images twice, without what was built before; the layers must be the same.
reproduce: container-tool setup
	$(VENV)/bin/python -m ecs.deploy reproduce --target both

# Releases, see docs/deploying.md. What is chosen comes by variables of the environment, or of this
# command line (TARGET=ecs), and reaches each command as a word, whatever is in it.
DEPLOY = $(VENV)/bin/python -m ecs.deploy
TARGET ?= ecs
export TARGET
images: setup
	$(DEPLOY) build --target "$$TARGET"

scan: setup
	$(DEPLOY) scan --target "$$TARGET"

push: setup
	$(DEPLOY) push --target "$$TARGET"

# DRY_RUN=yes prints what would be changed and changes nothing.
deploy: setup
	$(DEPLOY) release --target "$$TARGET" --parameters "$$PARAMETERS" $(if $(DRY_RUN),--dry-run)

deploy-plan: setup
	$(DEPLOY) plan --target "$$TARGET" --service-image "$$SERVICE" --function-image "$$FUNCTION" --parameters "$$PARAMETERS"

# backup, migrate, rehearse, apply, check, roll-back: RELEASE is what plan named.
deploy-%: setup
	$(DEPLOY) $* --release "$$RELEASE"

drill: setup
	$(DEPLOY) drill

# The hash of sketchnorm admin-password --print-hash on standard input.
rotate-password: setup
	@$(DEPLOY) rotate-password

destroy: setup
	$(DEPLOY) destroy --stack "$$STACK" --confirm "$$CONFIRM"

notify: setup
	$(DEPLOY) notify "$$SUBJECT" "$$MESSAGE"

licences: setup
	$(VENV)/bin/pip-licenses --python $(VENV)/bin/python --format csv --output-file licences.csv

# The first runs the code that AWS runs, which refuses what the linter does not see; no account is asked.
SAM = SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none $(VENV)/bin/sam
lint: setup
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile.ecs Dockerfile.lambda
	$(VENV)/bin/cfn-lint ecs/foundation.yaml ecs/service.yaml ecs/watch.yaml --regions us-east-1
	$(SAM) validate
	$(SAM) validate --lint
	$(VENV)/bin/shellcheck --external-sources --source-path SCRIPTDIR .ci/run tests/support/containers/*.sh tests/support/containers/lambda-base/lambda-entrypoint.sh tests/support/containers/lambda-base/bootstrap
	$(VENV)/bin/actionlint -shellcheck $(VENV)/bin/shellcheck .github/workflows/*.yml
	$(VENV)/bin/zizmor --offline --no-progress --persona auditor .github

# In an environment of its own, because it wants an older boto3.
CHECKOV = $(VENV)-checkov
checkov: setup $(CHECKOV)/stamp
	$(VENV)/bin/python -m tests.infra.made $(CHECKOV)/stacks
	$(CHECKOV)/bin/checkov --framework cloudformation --skip-download --compact --quiet --file ecs/foundation.yaml ecs/service.yaml ecs/watch.yaml
	$(CHECKOV)/bin/checkov --config-file tests/infra/checkov.yaml --directory $(CHECKOV)/stacks

$(VENV)/runtime.stamp: requirements/runtime.txt requirements/build.txt pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/runtime.txt -r requirements/build.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev.stamp: $(VENV)/runtime.stamp requirements/dev.txt
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/dev.txt
	touch $@

# Nothing on machines that Atheris has no wheel for; never its source, which needs clang.
$(VENV)/fuzz.stamp: $(VENV)/dev.stamp requirements/fuzz.txt
	$(PIP) install --quiet --require-hashes --no-deps --only-binary :all: -r requirements/fuzz.txt
	touch $@

$(CHECKOV)/stamp: requirements/checkov.txt
	test -x $(CHECKOV)/bin/python || $(PYTHON) -m venv $(CHECKOV)
	$(CHECKOV)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --no-deps -r requirements/checkov.txt
	touch $@

# torch is installed by name, not from the lock: its build (CPU or which CUDA) is the machine's choice.
train-setup: $(VENV)/dev.stamp
	$(PIP) install --quiet torch==2.13.0
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/train.txt

# Needs uv; run after changing dependencies in pyproject.toml. The development set comes first and
# the others follow it: aws-sam-cli pins click and pydantic, and tests should run what is served.
COMPILE = uv pip compile -q --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header
UPKEEP = uv pip compile -q --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock:
	$(COMPILE) pyproject.toml requirements/build.in --extra dev --extra postgresql --extra xlsx --extra cost -o requirements/dev.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/runtime.txt
	$(COMPILE) requirements/build.in -c requirements/dev.txt -o requirements/build.txt
	$(COMPILE) requirements/fuzz.in -o requirements/fuzz.txt
	$(COMPILE) requirements/checkov.in -o requirements/checkov.txt
	$(UPKEEP) requirements/upkeep.in -c requirements/runtime.txt -o layers/upkeep/requirements.txt
	$(COMPILE) pyproject.toml requirements/build.in --extra train -c requirements/dev.txt --override requirements/overrides.in --no-emit-package torch -o requirements/train.txt

# Run by `sam build` for the layer and for each zip function, which is the code alone. Wheels for the
# functions' own Python, whichever runs here; where nothing is set up, that of the machine.
build-UpkeepLayer: PYTHON := $(firstword $(wildcard $(VENV)/bin/python) $(PYTHON))
build-UpkeepLayer:
	$(PYTHON) -m pip --disable-pip-version-check install --quiet --no-deps --require-hashes --requirement layers/upkeep/requirements.txt \
	  --target "$(ARTIFACTS_DIR)/python" --python-version 3.13 --platform manylinux_2_28_x86_64 \
	  --platform manylinux2014_x86_64 --only-binary :all:
	find "$(ARTIFACTS_DIR)" -name __pycache__ -prune -exec rm -r {} +

build-BackupFunction build-RestoreDrillFunction build-RetentionFunction:
	cp -r app handlers "$(ARTIFACTS_DIR)"
	rm -r "$(ARTIFACTS_DIR)/app/training"
	find "$(ARTIFACTS_DIR)" -name __pycache__ -prune -exec rm -r {} +

clean:
	rm -rf .venv .venv-* .aws-sam var
