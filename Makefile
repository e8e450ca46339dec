# Two commands are enough: `make run` to use Sketchnorm, `make test` to work on it.
PYTHON ?= python3
PORT ?= 8000
PIP = .venv/bin/python -m pip --disable-pip-version-check

.PHONY: run dev setup test endurance lint lock train-setup clean

run: .venv/runtime.stamp
	.venv/bin/sketchnorm serve --port $(PORT)

dev: setup
	.venv/bin/sketchnorm serve --port $(PORT) --reload

setup: .venv/dev.stamp

test: setup
	.venv/bin/python -m pytest -n auto

endurance: setup
	.venv/bin/python -m pytest -m endurance

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

.venv/runtime.stamp: requirements/runtime.txt pyproject.toml
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/runtime.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	touch $@

.venv/dev.stamp: .venv/runtime.stamp requirements/dev.txt
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/dev.txt
	touch $@

# torch is installed by name, not from the lock: its build (CPU or which CUDA) is the machine's choice.
train-setup: .venv/dev.stamp
	$(PIP) install --quiet torch==2.13.0
	$(PIP) install --quiet --require-hashes --no-deps -r requirements/train.txt

# Needs uv; run after changing dependencies in pyproject.toml. The development set comes first and
# the others follow it: aws-sam-cli pins click and pydantic, and tests should run what is served.
COMPILE = uv pip compile -q --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml
lock:
	$(COMPILE) requirements/build.in --extra dev --extra heic -o requirements/dev.txt
	$(COMPILE) requirements/build.in -c requirements/dev.txt -o requirements/runtime.txt
	$(COMPILE) requirements/build.in --extra train -c requirements/dev.txt --override requirements/overrides.in --no-emit-package torch -o requirements/train.txt

clean:
	rm -rf .venv var
