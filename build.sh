#!/usr/bin/env bash
# Builds, runs, tests, measures and packages kvd. `./build.sh` alone says how.
set -euo pipefail
cd "$(dirname "$0")"

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

usage() {
  cat << 'EOF'
usage: ./build.sh VERB [arguments]
  build               out/kvd, one native executable, and its second name out/kvctl
  dev [arguments]     build if a source is newer, then run a three-node cluster in one process (kvd dev)
  test [arguments]    build everything and run all tests; --filter EXPRESSION runs some
  simulate [arguments]
                      run whole clusters under faults: [--seeds N] [--first S] [--seconds T] [--threads K] [--timeline] [--shrink] [--stop];
                      with --planted [NAME,...]: with bugs planted in a copy of the sources, which must be found
  chaos [--minutes N] [--seed S] [arguments]
                      real processes in network namespaces under faults, checked as the simulation is; needs root
  fuzz [--seconds N] [--seed S] [--target NAME[,NAME]]
                      attack the decoders with changed inputs, all of them for N seconds together (60)
  bench WHAT [arguments]
                      WHAT is micro, engine, peers or cluster; [--quick] [--json FILE]
  format [--verify]   put the sources into the house style, or only check them
  package             out/kvd_VERSION_ARCHITECTURE.deb
  clean               remove everything that was built
EOF
}

say() { echo "build.sh: $*" >&2; }

fail() { say "$*"; exit 1; }

# Installs Debian packages, or says which command would.
apt_install() {
  if ! command -v apt-get > /dev/null; then fail "please install: $*"; fi
  if [[ $(id -u) != 0 ]]; then fail "please run: sudo apt-get install -y $*"; fi
  say "installing with apt: $*"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq "$@" > /dev/null || { apt-get update -qq && apt-get install -y -qq "$@" > /dev/null; }
}

# need COMMAND PACKAGE...: the packages, unless the command is there.
need() {
  local command=$1
  shift
  command -v "$command" > /dev/null || apt_install "$@"
}

need_sdk() {
  command -v dotnet > /dev/null && dotnet --version > /dev/null 2>&1 && return
  if command -v apt-get > /dev/null; then
    if [[ $(id -u) == 0 ]]; then apt-get update -qq > /dev/null; fi
    if [[ -n $(apt-cache search --names-only '^dotnet-sdk-10\.0$') ]]; then
      apt_install dotnet-sdk-10.0
      return
    fi
  fi
  fail "the .NET SDK 10.0 is needed and no package source offers it: https://learn.microsoft.com/dotnet/core/install/linux"
}

# The native compiler links with a C compiler, against the C library's start files.
need_linker() {
  if echo 'int main(void) { return 0; }' | cc -x c - -o /dev/null 2> /dev/null; then return; fi
  apt_install gcc libc6-dev
}

# Without these the tests of the package fail; without the others the test of real processes under faults is left out.
need_test_tools() {
  need dpkg-deb dpkg
  need objdump binutils
  if [[ $(id -u) != 0 ]]; then return; fi
  (need ip iproute2 && need mkfs.ext4 e2fsprogs) || say "going on without"
}

# The packages start their services where they can; the benchmark runs its own, so these are kept down.
need_peers() {
  local missing=()
  command -v etcd > /dev/null || missing+=(etcd-server)
  command -v etcdctl > /dev/null || missing+=(etcd-client)
  command -v redis-server > /dev/null || missing+=(redis-server)
  if [[ ${#missing[@]} == 0 ]]; then return; fi
  local policy=/usr/sbin/policy-rc.d placed=
  if [[ $(id -u) == 0 && ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    placed=1
  fi
  (apt_install "${missing[@]}") || { [[ -z $placed ]] || rm -f "$policy"; exit 1; }
  [[ -z $placed ]] || rm -f "$policy"
}

runtime_identifier() {
  case $(uname -m) in
    x86_64) echo linux-x64 ;;
    aarch64) echo linux-arm64 ;;
    *) fail "there is no build for $(uname -m)" ;;
  esac
}

build() {
  need_sdk
  need_linker
  local published=out/publish
  dotnet publish KvStore.Daemon -c Release -r "$(runtime_identifier)" -o "$published" -nologo -v quiet
  # A rename, so that a kvd that runs keeps its own file.
  cp "$published/kvd" out/kvd.new
  mv -f out/kvd.new out/kvd
  ln -sfn kvd out/kvctl
  say "built out/kvd ($(stat -c %s out/kvd) bytes)"
}

is_current() {
  [[ -x out/kvd ]] || return 1
  [[ -z $(find KvStore.Daemon KvStore.Core KvStore.Protocol Directory.Build.props Directory.Packages.props global.json \
    \( -name bin -o -name obj \) -prune -o -type f -newer out/kvd -print -quit) ]]
}

build_if_older() { is_current || build; }

dev() {
  build_if_older
  exec out/kvd dev "$@"
}

# Ends with the line "N passed, N failed"; fails if a test failed, if none ran, or if the run was cut short.
run_tests() {
  build
  need_test_tools
  dotnet build KvStore.Tests -c Release -nologo -v quiet
  local report status=0 passed failed
  report=$(mktemp)
  # shellcheck disable=SC2064
  trap "rm -f '$report'" EXIT
  KVD_BINARY=$PWD/out/kvd dotnet KvStore.Tests/bin/Release/net10.0/KvStore.Tests.dll --no-ansi "$@" 2>&1 | tee "$report" || status=$?
  passed=$(sed -n 's/^ *succeeded: *\([0-9]*\).*/\1/p' "$report" | tail -n 1)
  failed=$(sed -n 's/^ *failed: *\([0-9]*\).*/\1/p' "$report" | tail -n 1)
  echo "${passed:-0} passed, ${failed:-0} failed"
  if [[ $status == 0 && ${passed:-0} == 0 ]]; then status=1; fi
  return "$status"
}

simulate() {
  need_sdk
  dotnet build KvStore.Tests -c Release -nologo -v quiet
  exec dotnet KvStore.Tests/bin/Release/net10.0/KvStore.Tests.dll simulate "$@"
}

chaos() {
  build_if_older
  dotnet build KvStore.Tests -c Release -nologo -v quiet
  KVD_BINARY=$PWD/out/kvd exec dotnet KvStore.Tests/bin/Release/net10.0/KvStore.Tests.dll chaos "$@"
}

# The tests of KvStore.Tests/Fuzzing, for longer: its settings are environment variables.
fuzz() {
  need_sdk
  export KVD_FUZZ_SECONDS=60 KVD_FUZZ_SEED=$RANDOM
  while [[ $# -ge 2 ]]; do
    case $1 in
      --seconds) KVD_FUZZ_SECONDS=$2 ;;
      --seed) KVD_FUZZ_SEED=$2 ;;
      --target) export KVD_FUZZ_TARGET=$2 ;;
      *) break ;;
    esac
    shift 2
  done
  if [[ $# != 0 ]]; then usage >&2; exit 2; fi
  dotnet build KvStore.Tests -c Release -nologo -v quiet
  exec dotnet KvStore.Tests/bin/Release/net10.0/KvStore.Tests.dll --no-ansi --filter FullyQualifiedName~KvStore.Tests.Fuzzing.FuzzTests.A_decoder
}

bench() {
  local what=${1:-}
  need_sdk
  case $what in
    micro | engine) ;;
    peers)
      need_peers
      build_if_older
      ;;
    cluster) build_if_older ;;
    *) usage >&2; exit 2 ;;
  esac
  dotnet build KvStore.Bench -c Release -nologo -v quiet
  KVD_BINARY=$PWD/out/kvd exec dotnet KvStore.Bench/bin/Release/net10.0/KvStore.Bench.dll "$@"
}

format() {
  need_sdk
  case ${1:-} in
    '') dotnet format kvstore.sln ;;
    --verify) dotnet format kvstore.sln --verify-no-changes ;;
    *) usage >&2; exit 2 ;;
  esac
}

package() {
  need dpkg-deb dpkg
  need objdump binutils
  build_if_older
  local file
  file=$(packaging/build-deb.sh out/kvd out)
  packaging/check-deb.sh "$file"
  say "built $file"
}

clean() {
  rm -rf out KvStore.*/bin KvStore.*/obj
}

verb=${1:-}
[[ $# == 0 ]] || shift
case $verb in
  build) build ;;
  dev) dev "$@" ;;
  test) run_tests "$@" ;;
  simulate) simulate "$@" ;;
  chaos) chaos "$@" ;;
  fuzz) fuzz "$@" ;;
  bench) bench "$@" ;;
  format) format "$@" ;;
  package) package ;;
  clean) clean ;;
  help | -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
