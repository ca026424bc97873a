#!/usr/bin/env bash
# Installs what `KvStore.Bench peers` measures beside kvd: etcd and Redis from Debian's packages.
# The packages' own services are neither started nor left enabled: the benchmark runs its own
# processes, with its own data and ports, and a service in the background would be measured too.
set -euo pipefail

missing=()
command -v etcd >/dev/null || missing+=(etcd-server)
command -v etcdctl >/dev/null || missing+=(etcd-client)
command -v redis-server >/dev/null || missing+=(redis-server)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "missing benchmark peers; as root: apt-get install -y ${missing[*]}" >&2
  exit 1
fi
echo "installing benchmark peers: ${missing[*]}" >&2

# policy-rc.d answering 101 keeps invoke-rc.d from starting what a package installs.
policy=/usr/sbin/policy-rc.d
made_policy=false
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  made_policy=true
fi
remove_policy() { if $made_policy; then rm -f "$policy"; fi; }
trap remove_policy EXIT

apt-get update -qq >&2
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2

# A package also enables its unit for the next boot; only those just installed are turned off again.
if command -v systemctl >/dev/null; then
  for package in "${missing[@]}"; do
    case "$package" in
      etcd-server) systemctl disable --quiet etcd.service 2>/dev/null || true ;;
      redis-server) systemctl disable --quiet redis-server.service 2>/dev/null || true ;;
    esac
  done
fi
