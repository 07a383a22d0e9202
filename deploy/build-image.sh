#!/usr/bin/env bash
# Builds the image without a container engine and without pulling one: a base by debootstrap, Bun from npm, and buildah with
# --isolation chroot. Then starts every part inside of it, and asks each for its health.
#
#   deploy/build-image.sh [--no-smoke] [image:tag]          as root; Debian: apt-get install buildah debootstrap
#
# With an engine at hand `docker build -f deploy/Dockerfile .` does the same from the base images that it names.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

smoke=yes
[[ ${1:-} != --no-smoke ]] || { smoke=no && shift; }
image=${1:-millrace:local}
suite=${SUITE:-trixie}
bun_version=$(sed -n 's/^ARG BUN_IMAGE=.*bun:\([0-9.]*\)-slim$/\1/p' deploy/Dockerfile)
base=millrace-base:bun-$bun_version-$suite
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=${STORAGE_DRIVER:-vfs}

say() { printf '── %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2 && exit 1; }

((EUID == 0)) || fail "needs root: debootstrap makes device files, chroot is for root"
for command in buildah debootstrap npm curl; do
  command -v "$command" >/dev/null || fail "$command is missing: apt-get install buildah debootstrap npm curl"
done

scratch=$(mktemp -d)
containers=() processes=()
clean_up() {
  local each
  for each in "${processes[@]}"; do kill "$each" 2>/dev/null || true; done
  for each in "${processes[@]}"; do wait "$each" 2>/dev/null || true; done
  for each in "${containers[@]}"; do buildah rm "$each" >/dev/null 2>&1 || true; done
  rm -rf "$scratch"
}
trap clean_up EXIT

# ── The base: a minimal Debian from the archive that this machine uses, and one file of Bun.
make_base() {
  local mirror container
  # shellcheck disable=SC2016 # apt-get expands it.
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | head -n 1)
  say "base: $suite${mirror:+ from $mirror}"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$scratch/base" ${mirror:+"$mirror"}
  rm -rf "$scratch"/base/var/cache/apt/* "$scratch"/base/var/lib/apt/lists/* "$scratch"/base/usr/share/{doc,man,locale,info}/*
  say "bun $bun_version"
  npm install --prefix "$scratch/bun" --no-save --no-audit --no-fund --loglevel error "bun@$bun_version"
  install -m 0755 "$(readlink -f "$scratch/bun/node_modules/.bin/bun")" "$scratch/base/usr/local/bin/bun"
  container=$(buildah from scratch)
  containers+=("$container")
  buildah copy --quiet "$container" "$scratch/base" / >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet "$container" "$base" >/dev/null
  rm -rf "$scratch/base" "$scratch/bun"
}

buildah inspect --type image "$base" >/dev/null 2>&1 || make_base

say "image: $image"
# The same commit gives the same labels and times.
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
# --format docker: the other one has no word for health checks.
buildah build --format docker --layers --timestamp "$epoch" -f deploy/Dockerfile -t "$image" \
  --build-arg BUN_IMAGE="localhost/$base" \
  --build-arg VERSION="$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)" \
  --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
  --build-arg CREATED="$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)" \
  --build-arg NPM_CONFIG_REGISTRY="$(npm config get registry)" \
  --pull=never .
buildah images --format '{{.Name}}:{{.Tag}} {{.Size}}' "$image"

[[ $smoke == yes ]] || exit 0
# shellcheck source=deploy/smoke-image.sh
source deploy/smoke-image.sh
