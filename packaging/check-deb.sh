#!/usr/bin/env bash
# Checks what is in the package; with --install (as root, on a machine that has no kvd) also installs, removes and purges it.
# usage: packaging/check-deb.sh PACKAGE [--install]
set -euo pipefail

package=$(realpath "$1")
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT

fail() { echo "check-deb: $*" >&2; exit 1; }

dpkg-deb --raw-extract "$package" "$unpacked"
cd "$unpacked"

[[ -x usr/bin/kvd ]] || fail "usr/bin/kvd is not executable"
[[ $(readlink usr/bin/kvctl) == kvd ]] || fail "usr/bin/kvctl is no link to kvd"
for file in lib/systemd/system/kvd.service etc/kvd/kvd.conf usr/share/doc/kvd/{copyright,changelog.gz,README.md}; do
  [[ -s $file ]] || fail "$file is missing"
done
[[ $(cat DEBIAN/conffiles) == /etc/kvd/kvd.conf ]] || fail "the configuration is no conffile"
for script in postinst prerm postrm; do
  [[ -x DEBIAN/$script ]] || fail "$script is not executable"
  sh -n "DEBIAN/$script"
done
md5sum --check --quiet DEBIAN/md5sums
# Not through a pipe: grep -q would end before dpkg-deb has written all, which then fails.
[[ $(dpkg-deb --field "$package" Depends) == "libc6 (>= 2."* ]] || fail "the package does not depend on libc6"
if dpkg-deb --contents "$package" | awk '{ print $2 }' | grep -qvx root/root; then fail "a file does not belong to root"; fi
if find . -path ./DEBIAN -prune -o -type f -perm /022 -print | grep -q .; then fail "a file is writable for others"; fi
echo "check-deb: contents are right"

[[ ${2:-} == --install ]] || exit 0
if dpkg -s kvd > /dev/null 2>&1; then fail "kvd is installed on this machine already"; fi
dpkg -i "$package"
[[ -x /usr/bin/kvctl ]] || fail "/usr/bin/kvctl cannot be run"
getent passwd kvd > /dev/null || fail "there is no user kvd"
dpkg -i "$package" # an upgrade to the same version
dpkg -r kvd
[[ ! -e /usr/bin/kvd && ! -L /usr/bin/kvctl ]] || fail "remove left a program behind"
[[ -e /etc/kvd/kvd.conf ]] || fail "remove deleted the configuration"
dpkg -P kvd
[[ ! -e /etc/kvd ]] || fail "purge left /etc/kvd behind"
if systemctl list-unit-files kvd.service --no-legend 2> /dev/null | grep -q .; then fail "purge left the unit behind"; fi
echo "check-deb: installs, upgrades, removes and purges"
