#!/bin/bash
# Makes the root of the image, from the Debian that this runs in: Bun, and the packages that Bun, sharp and bash stand on.
# No package manager, no shell tools, no root's password: what is not there needs no update and helps nobody who broke in.
#
#   make-root.sh <folder>
set -euo pipefail
umask 022

target=$1
packages=(base-files bash libc6 libgcc-s1 libstdc++6 libtinfo6)

# Merged since Debian 12: /lib is /usr/lib. In older packages' lists the files still stand in the former.
mkdir -p "$target"/{usr,etc,dev,proc,sys,run,root,srv,var/lib/dpkg/status.d}
for link in bin lib lib64 sbin; do
  [[ ! -L /$link ]] || cp -a "/$link" "$target/"
done

copy() {
  local folder
  folder=$(realpath "$(dirname "$1")")
  mkdir -p "$target$folder"
  cp -a "$1" "$target$folder/"
}

for package in "${packages[@]}"; do
  dpkg-query --listfiles "$package" | while IFS= read -r path; do
    [[ -L $path || -f $path ]] || continue
    case $path in
      # Licences must come along.
      /usr/share/doc/*/copyright) ;;
      # Converters between character sets of which nobody here has heard, and what only people read.
      */gconv/* | /usr/share/doc/* | /usr/share/man/* | /usr/share/locale/* | /usr/share/info/*) continue ;;
      /usr/share/lintian/* | /usr/bin/bashbug | /etc/skel/* | /usr/share/common-licenses/GFDL*) continue ;;
    esac
    copy "$path"
  done
  # Where scanners look for the packages of an image that has no dpkg.
  dpkg-query --status "$package" >"$target/var/lib/dpkg/status.d/$package"
done

install -D -m 0755 "$(command -v bun)" "$target/usr/local/bin/bun"
mkdir -p -m 1777 "$target/tmp"
cat >"$target/etc/passwd" <<'PASSWD'
root:x:0:0:root:/root:/bin/bash
millrace:x:10001:10001:Millrace:/var/lib/millrace:/bin/bash
PASSWD
cat >"$target/etc/group" <<'GROUP'
root:x:0:
millrace:x:10001:
GROUP
