#!/usr/bin/env bash
# Builds the Debian package with dpkg-deb alone.
# usage: packaging/build-deb.sh BINARY OUTPUT_DIRECTORY    (BINARY: the published kvd)
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
binary=$1
output=$2

version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' "$here/Directory.Build.props")
architecture=$(dpkg --print-architecture)
if [[ -z $version ]]; then
  echo "Directory.Build.props names no <Version>" >&2
  exit 1
fi

# The package needs the C library whose newest symbol version the binary asks for.
libc=$(objdump -T "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
libc=${libc#GLIBC_}

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

doc=$root/usr/share/doc/kvd
install -Dm755 "$binary" "$root/usr/bin/kvd"
ln -s kvd "$root/usr/bin/kvctl"
install -Dm644 "$here/systemd/kvd.service" "$root/lib/systemd/system/kvd.service"
install -Dm644 "$here/packaging/kvd.conf" "$root/etc/kvd/kvd.conf"
install -Dm644 "$here/README.md" "$doc/README.md"
install -d "$doc"
gzip -9n < "$here/CHANGELOG.md" > "$doc/changelog.gz"
{
  echo 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/'
  echo 'Upstream-Name: kvd'
  echo
  echo 'Files: *'
  sed -n 's/^Copyright (c) \(.*\)/Copyright: \1/p' "$here/LICENSE"
  echo 'License: Expat'
  sed '1,/^Copyright/d; s/^$/./; s/^/ /' "$here/LICENSE" | sed '1{/^ \.$/d}'
} > "$doc/copyright"
chmod 644 "$doc"/*

control=$root/DEBIAN
mkdir "$control"
install -m755 "$here"/packaging/debian/{postinst,prerm,postrm} "$control/"
echo /etc/kvd/kvd.conf > "$control/conffiles"
cat > "$control/control" << EOF
Package: kvd
Version: $version
Architecture: $architecture
Maintainer: kvd maintainers <kvd@localhost>
Section: database
Priority: optional
Depends: libc6 (>= $libc), adduser, init-system-helpers
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f 1)
Description: distributed key-value store
 Keys are spread over partitions, each on three nodes. A write is acknowledged
 when it is on the primary's disk (fast) or on a majority of disks (strong),
 and every answer says which of the two was reached.
 .
 This package holds the daemon, kvd, and its command-line client, kvctl.
EOF
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum > DEBIAN/md5sums)

mkdir -p "$output"
package=$output/kvd_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" > /dev/null
echo "$package"
