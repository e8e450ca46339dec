#!/usr/bin/env bash
# Finds what builds and runs images here: Docker or podman. The scripts beside this one source it; run
# alone, it says in one sentence what to do if there is neither.
set -euo pipefail
# shellcheck disable=SC2034 # the others use these two
python_image=docker.io/library/python:3.13-slim-trixie lambda_image=public.ecr.aws/lambda/python:3.13
settings=/etc/containers/sketchnorm.conf # for the podman that set_up.sh installed; any other has its own

find_tool() {
  if docker info >/dev/null 2>&1; then
    export CONTAINER_TOOL=docker
  elif command -v podman >/dev/null; then
    export CONTAINER_TOOL=podman
    if [ -e "$settings" ]; then export CONTAINERS_CONF=$settings; fi
  else
    return 1
  fi
}

require_tool() {
  find_tool || fail "This builds and runs container images, but no Docker answers here and there is no podman: install Docker or podman, or, on Debian as root, run make containers."
}

is_here() { "$CONTAINER_TOOL" image inspect "$1" >/dev/null 2>&1; }

pull() { timeout 300 "$CONTAINER_TOOL" pull -q "$1" >/dev/null 2>&1; }

fail() {
  echo "$1" >&2
  exit 1
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then require_tool; fi
