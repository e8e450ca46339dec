#!/usr/bin/env bash
# with.sh COMMAND…: runs COMMAND where images can be built and run. It finds the tool in CONTAINER_TOOL
# and, if that is podman, a service of Docker's API at DOCKER_HOST. Once COMMAND has ended, by itself or
# by a signal, nothing goes on: not its processes, not containers labelled with CONTAINER_LABEL, and not
# that service. Installs nothing: see set_up.sh.
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
# shellcheck source=tool.sh
. "$here/tool.sh"
job='' service='' folder='' # process groups, and where the service's socket lies
came='' stopped=0           # a signal that came, and the exit status that it leads to

main() {
  require_tool
  export CONTAINER_LABEL=sketchnorm.run=$$
  trap end EXIT
  trap 'came=INT stopped=130; hand_on' INT
  trap 'came=TERM stopped=143; hand_on' TERM
  trap 'came=HUP stopped=129; hand_on' HUP
  require_image "$python_image"
  require_image "$lambda_image"
  if [ "$CONTAINER_TOOL" = podman ]; then start_service; fi
  run "$@"
}

# Not by `exec` or in the foreground, where bash would not look at a signal. With job control a job is a
# process group: our signal reaches all of it, and Ctrl+C reaches nothing before us.
run() {
  local status
  if [ "$stopped" != 0 ]; then exit "$stopped"; fi
  set -m
  "$@" </dev/null &
  job=$!
  set +m
  hand_on # what came before we knew the job
  while :; do
    status=0
    wait "$job" 2>/dev/null || status=$? # which a signal interrupts
    kill -0 "$job" 2>/dev/null || break
  done
  end_group "$job" # what it left behind
  job=''
  if [ "$stopped" != 0 ]; then exit "$stopped"; fi
  return "$status"
}

hand_on() {
  if [ -n "$came" ] && [ -n "$job" ]; then kill -s "$came" -- "-$job" 2>/dev/null || true; fi
}

require_image() {
  if is_here "$1"; then return; fi
  echo "Pulling $1 …" >&2
  run pull "$1" || fail "The base image $1 cannot be pulled: look to the network, or, on Debian as root, run make containers, which makes a stand-in."
}

# Our own service, whichever else runs here: both see the same images.
start_service() {
  folder=$(mktemp -d)
  export DOCKER_HOST=unix://$folder/podman.sock
  export BUILDAH_ISOLATION=chroot # with runc, a RUN goes on after a signal ended its build
  set -m
  podman system service --time=0 "$DOCKER_HOST" </dev/null >"$folder/log" 2>&1 &
  service=$!
  set +m
  until podman --remote --url "$DOCKER_HOST" info >/dev/null 2>&1; do
    if [ "$stopped" != 0 ]; then exit "$stopped"; fi
    kill -0 "$service" 2>/dev/null || fail "podman's service ended at its start: $(cat "$folder/log")"
    sleep 0.2
  done
}

end() {
  local container
  for container in $("$CONTAINER_TOOL" ps --all --quiet --filter "label=$CONTAINER_LABEL"); do
    "$CONTAINER_TOOL" rm --force "$container" >/dev/null
  done
  if [ -n "$service" ]; then end_group "$service"; fi
  if [ -n "$folder" ]; then rm -r "$folder"; fi
}

end_group() {
  kill -- "-$1" 2>/dev/null || true
  for _ in {1..100}; do
    kill -0 -- "-$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL -- "-$1" 2>/dev/null || true
}

main "$@"
