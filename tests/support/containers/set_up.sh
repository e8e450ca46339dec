#!/usr/bin/env bash
# Makes this machine able to build and run images. Uses the Docker or podman that it finds; on Debian, as
# root, it installs podman if there is no Docker. If the base images cannot be pulled it makes
# stand-ins from Debian's packages: they have the same Python, but what is Amazon Linux's or the official
# image's own is not tested.
set -euo pipefail
here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
cd "$here/../../.." # where VENV is
# shellcheck source=tool.sh
. "$here/tool.sh"

main() {
  find_tool || true
  if [ "${CONTAINER_TOOL:-}" != docker ] && is_debian_as_root; then install_podman; fi
  find_tool || fail "This installs podman on Debian only, and only as root: install Docker or podman yourself."
  work=$(mktemp -d)
  # debootstrap mounts /proc there, which must outlive a debootstrap that was killed.
  trap 'rm -r --one-file-system "$work"' EXIT
  is_here "$python_image" || pull "$python_image" || make_python_stand_in
  is_here "$lambda_image" || pull "$lambda_image" || make_lambda_stand_in
  echo "Images are built and run by $CONTAINER_TOOL here."
}

is_debian_as_root() { [ -e /etc/debian_version ] && [ "$(id -u)" = 0 ]; }

install_podman() {
  if ! command -v podman >/dev/null || ! command -v runc >/dev/null; then
    apt_install podman buildah runc netavark aardvark-dns containernetworking-plugins iptables
  fi
  install -D -m 644 "$here/containers.conf" "$settings"
}

apt_install() {
  echo "Installing $* …"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

make_python_stand_in() {
  is_debian_as_root || fail "$python_image cannot be pulled, and only Debian, as root, can make a stand-in: look to the network."
  command -v debootstrap >/dev/null || apt_install debootstrap
  echo "Making a stand-in for $python_image …"
  local root=$work/trixie mirror
  # shellcheck disable=SC2016 # the variable is apt's
  mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | sort -u | head -1)
  debootstrap --variant=minbase --include=ca-certificates trixie "$root" "$mirror" >/dev/null
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  cp /etc/resolv.conf "$root/etc/"
  # shellcheck disable=SC2016 # the variable is of the shell inside
  chroot "$root" sh -ec '
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
      python3 python3-pip python3-venv netbase tzdata >/dev/null
    rm -f /usr/lib/python3.13/EXTERNALLY-MANAGED
    for name in python python3; do ln -sf /usr/bin/python3 /usr/local/bin/$name; done
    ln -sf /usr/bin/pip3 /usr/local/bin/pip
    apt-get clean'
  tar -C "$root" --exclude='./proc/*' --exclude='./sys/*' -c . | "$CONTAINER_TOOL" import \
    -c 'CMD ["python3"]' -c 'ENV LANG=C.UTF-8 PIP_CERT=/etc/ssl/certs/ca-certificates.crt' \
    -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' - "$python_image" >/dev/null
}

make_lambda_stand_in() {
  echo "Making a stand-in for $lambda_image …"
  local context=$work/lambda-base emulator
  emulator=$("${VENV:-.venv}/bin/python" -c 'import pathlib, samcli; print(pathlib.Path(samcli.__file__).parent / "local/rapid/aws-lambda-rie-x86_64")')
  cp -r "$here/lambda-base" "$work/"
  install -m 755 "$emulator" "$context/aws-lambda-rie"
  "$CONTAINER_TOOL" build -q --network host -t "$lambda_image" -t "$lambda_image-x86_64" "$context" >/dev/null
}

main "$@"
