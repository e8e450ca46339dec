#!/usr/bin/env bash
# with.sh COMMAND…: runs COMMAND where container images can be built and run.
# Uses the Docker that it finds. Where there is none it installs podman (Debian, as root) with an API
# socket, and where the base images cannot be pulled it makes stand-ins from Debian's packages:
# they have the same Python, but what is Amazon Linux's or the official image's own is not tested.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${CONTAINER_WORK:-/tmp/containers}
python_image=docker.io/library/python:3.13-slim-trixie
lambda_image=public.ecr.aws/lambda/python:3.13

main() {
  mkdir -p "$work"
  if docker info >/dev/null 2>&1; then
    export CONTAINER_TOOL=docker
  else
    use_podman
  fi
  has "$python_image" || make_python_stand_in
  has "$lambda_image" || make_lambda_stand_in
  exec "$@"
}

use_podman() {
  # The service outlives this clone, so its settings must not lie in it.
  cp "$here/containers.conf" "$work/"
  export CONTAINER_TOOL=podman CONTAINERS_CONF=$work/containers.conf DOCKER_HOST=unix://$work/podman.sock
  command -v podman >/dev/null && command -v runc >/dev/null || install \
    podman buildah runc netavark aardvark-dns containernetworking-plugins iptables
  if ! podman --remote --url "$DOCKER_HOST" info >/dev/null 2>&1; then
    (cd / && exec setsid podman system service --time=0 "$DOCKER_HOST" >/dev/null 2>&1) &
    sleep 2
  fi
}

install() {
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

has() {
  "$CONTAINER_TOOL" image inspect "$1" >/dev/null 2>&1 || timeout 300 "$CONTAINER_TOOL" pull -q "$1" >/dev/null 2>&1
}

make_python_stand_in() {
  command -v debootstrap >/dev/null || install debootstrap
  local root=$work/trixie mirror
  if [ ! -e "$root/.complete" ]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | sort -u | head -1)
    rm -rf "$root"
    debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$mirror" >/dev/null
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    cp /etc/resolv.conf "$root/etc/"
    chroot "$root" sh -ec '
      apt-get -qq update
      DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        python3 python3-pip python3-venv netbase tzdata >/dev/null
      rm -f /usr/lib/python3.13/EXTERNALLY-MANAGED
      for name in python python3; do ln -sf /usr/bin/python3 /usr/local/bin/$name; done
      ln -sf /usr/bin/pip3 /usr/local/bin/pip
      apt-get clean'
    touch "$root/.complete"
  fi
  tar -C "$root" --exclude='./proc/*' --exclude='./sys/*' -c . | "$CONTAINER_TOOL" import \
    -c 'CMD ["python3"]' -c 'ENV LANG=C.UTF-8 PIP_CERT=/etc/ssl/certs/ca-certificates.crt' \
    -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' - "$python_image" >/dev/null
}

make_lambda_stand_in() {
  local context=$work/lambda-base
  cp -r "$here/lambda-base" "$work/"
  cp "$("$here/../../../.venv/bin/python" -c 'import pathlib, samcli; print(pathlib.Path(samcli.__file__).parent / "local/rapid/aws-lambda-rie-x86_64")')" "$context/aws-lambda-rie"
  chmod +x "$context/aws-lambda-rie"
  "$CONTAINER_TOOL" build -q --network host -t "$lambda_image" -t "$lambda_image-x86_64" "$context" >/dev/null
}

main "$@"
