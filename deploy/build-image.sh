#!/usr/bin/env bash
# Builds the image without a container engine and without pulling one: a base by debootstrap, Bun from npm, and buildah with
# --isolation chroot. Then runs Millrace out of it, and has it do some work. What the image is made of lies in dist/ then.
#
#   deploy/build-image.sh [--no-smoke] [--twice] [image:tag]
#
# As root; Debian: apt-get install buildah debootstrap npm curl. SUITE and MIRROR name another Debian: with one day
# of the archive of snapshots, the base is the same next year. --twice builds it again from nothing, and compares the two.
# With an engine at hand `docker build -f deploy/Dockerfile .` makes the same from the base image that it names.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

smoke=yes twice=no
while [[ ${1:-} == --* ]]; do
  case $1 in
    --no-smoke) smoke=no ;;
    --twice) twice=yes ;;
    *) echo "unknown option: $1" >&2 && exit 64 ;;
  esac
  shift
done
image=${1:-millrace:local}
suite=${SUITE:-trixie}
bun_version=$(sed -n 's/^ARG BUN_IMAGE=.*bun:\([0-9.]*\)-slim$/\1/p' deploy/Dockerfile)
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
base=millrace-base:bun-$bun_version-$suite
megabytes_max=200
export BUILDAH_ISOLATION=chroot

say() { printf '── %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2 && exit 1; }

((EUID == 0)) || fail "needs root: debootstrap makes device files, chroot is for root"
for command in buildah debootstrap npm curl; do
  command -v "$command" >/dev/null || fail "$command is missing: apt-get install buildah debootstrap npm curl"
done
# Inside of a container there may be no overlay; the other way copies everything at each step.
if [[ -z ${STORAGE_DRIVER:-} ]]; then
  STORAGE_DRIVER=overlay buildah info >/dev/null 2>&1 && STORAGE_DRIVER=overlay || STORAGE_DRIVER=vfs
fi
export STORAGE_DRIVER

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

# ── The base: a minimal Debian from the archive that this machine uses, and one file of Bun. It only builds; of its
# packages, deploy/image/make-root.sh takes into the image what is needed there.
make_base() {
  local mirror container build=linux-x64-baseline
  # As Bun's own images: for every CPU of 64 bits, not for those of the builder's kind.
  [[ $(uname -m) != aarch64 ]] || build=linux-aarch64
  # shellcheck disable=SC2016 # apt-get expands it.
  mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | head -n 1)}
  say "base: $suite${mirror:+ from $mirror}"
  debootstrap --variant=minbase "$suite" "$scratch/base" ${mirror:+"$mirror"} >"$scratch/debootstrap.log" ||
    { tail -n 20 "$scratch/debootstrap.log" && fail "debootstrap"; }
  rm -rf "$scratch"/base/var/cache/apt/* "$scratch"/base/var/lib/apt/lists/* "$scratch"/base/var/log/*
  say "bun $bun_version, $build"
  npm install --prefix "$scratch/bun" --no-save --no-audit --no-fund --loglevel error "@oven/bun-$build@$bun_version"
  install -m 0755 "$scratch/bun/node_modules/@oven/bun-$build/bin/bun" "$scratch/base/usr/local/bin/bun"
  container=$(buildah from scratch)
  containers+=("$container")
  buildah copy --quiet "$container" "$scratch/base" / >/dev/null
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet "$container" "$base" >/dev/null
  rm -rf "$scratch/base" "$scratch/bun"
}

# The same commit gives the same labels. Files all have one time: whoever has the version before pulls what changed, and Bun
# did not.
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
build() {
  local options=(--format docker --timestamp 0 --pull=never --network host) ca
  # --format docker: the other one has no word for health checks.
  ca=${NODE_EXTRA_CA_CERTS:-$(npm config get cafile 2>/dev/null)}
  [[ ! -s $ca ]] || options+=(--secret "id=ca,src=$ca")
  buildah build "${options[@]}" "$@" -f deploy/Dockerfile \
    --build-arg BUN_IMAGE="localhost/$base" \
    --build-arg VERSION="$version" \
    --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
    --build-arg CREATED="$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)" \
    --build-arg EPOCH="$epoch" \
    --build-arg NPM_CONFIG_REGISTRY="$(npm config get registry 2>/dev/null)" \
    . >"$scratch/build.log" 2>&1 || { tail -n 40 "$scratch/build.log" && fail "the build"; }
}

buildah inspect --type image "$base" >/dev/null 2>&1 || make_base

say "image: $image, with $STORAGE_DRIVER"
layers=()
[[ $STORAGE_DRIVER == vfs ]] || layers=(--layers)
build "${layers[@]}" -t "$image"

container=$(buildah from --pull=never "$image")
containers+=("$container")
root=$(buildah mount "$container")
megabytes=$(($(du -s --apparent-size --block-size=1 "$root" | cut -f 1) / 1000000))
say "$megabytes MB"
((megabytes < megabytes_max)) || fail "it is larger than $megabytes_max MB"
mkdir -p dist
cp "$root/usr/share/sbom/millrace.cdx.json" "dist/millrace-$version.cdx.json"
say "what it is made of: dist/millrace-$version.cdx.json"
buildah umount "$container" >/dev/null

if [[ $twice == yes ]]; then
  say "once more, from nothing"
  build --no-cache "${layers[@]}" -t "$image-again"
  # Not the id: buildah writes the names of its own working containers into the configuration.
  layers_of() { buildah inspect --type image --format '{{range .OCIv1.RootFS.DiffIDs}}{{println .}}{{end}}' "$1"; }
  differences=$(diff <(layers_of "$image") <(layers_of "$image-again")) || fail "two builds differ: $differences"
  say "both have the same $(layers_of "$image" | wc -w) layers, to the byte"
  buildah rmi "$image-again" >/dev/null
fi

[[ $smoke == yes ]] || exit 0
# shellcheck source=deploy/smoke-image.sh
source deploy/smoke-image.sh
