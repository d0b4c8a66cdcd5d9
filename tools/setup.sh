#!/usr/bin/env bash
# Installs what the build needs and this machine lacks; fast and silent if nothing is missing.
#   tools/setup.sh          everything but npm      SETUP=skip tools/setup.sh   nothing at all
#   tools/setup.sh npm      only the named rows
set -uo pipefail
[ "${SETUP-}" = skip ] && exit 0

# Commands and headers, and the packages that contain them.
table='
need               apt-get             dnf                 pacman           brew
g++                g++                 gcc-c++             gcc              gcc
pkg-config         pkg-config          pkgconf-pkg-config  pkgconf          pkgconf
openblas_config.h  libopenblas-dev     openblas-devel      openblas         openblas
zmq.h              libzmq3-dev         zeromq-devel        zeromq           zeromq
zmq.hpp            cppzmq-dev          cppzmq-devel        cppzmq           cppzmq
sodium.h           libsodium-dev       libsodium-devel     libsodium        libsodium
doctest/doctest.h  doctest-dev         doctest-devel       doctest          doctest
nlohmann/json.hpp  nlohmann-json3-dev  json-devel          nlohmann-json    nlohmann-json
CLI/CLI.hpp        libcli11-dev        cli11-devel         cli11            cli11
curl               curl                curl                curl             curl
gzip               gzip                gzip                gzip             gzip
certificates       ca-certificates     ca-certificates     ca-certificates  ca-certificates
npm                npm                 nodejs-npm          npm              node
'
compiler=${CXX:-g++}

has_command() { command -v "$1" >/dev/null; }
has_certificates() {
  [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] ||
    [ -e /etc/ssl/cert.pem ] || [ -e "${SSL_CERT_FILE-}" ]
}
fail() { echo "error: $*" >&2; exit 1; }

# missing_of NEED...: sets `missing`. One preprocessor run, with the Makefile's flags, checks all
# headers; without a compiler all count as missing.
missing_of() {
  local need headers= questions=$'#if !defined __clang__ && __GNUC__ < 12\ntoo_old\n#endif\n'
  missing=
  for need; do
    case $need in
      *.h | *.hpp)
        headers+=" $need"
        questions+="#if !__has_include(<$need>)"$'\n'"$need"$'\n#endif\n'
        ;;
      g++) has_command ${compiler%% *} || missing+=" g++" ;;
      certificates) has_certificates || missing+=" certificates" ;;
      *) has_command "$need" || missing+=" $need" ;;
    esac
  done
  [ "$headers" ] || return
  local preprocess="$compiler -std=c++20 $(pkg-config --cflags openblas 2>/dev/null) -E -P -x c++ -"
  local answers
  answers=$($preprocess <<<"$questions" 2>/dev/null) || answers=$headers
  [[ $answers != *too_old* ]] || fail "$compiler is too old: install g++ 12 or newer, then" \
    "run: make CXX=g++-12"
  missing+=" $answers"
}

# packages_for MANAGER NEED...: their packages, from the manager's column.
packages_for() {
  local manager=$1 column= row index
  shift
  while read -ra row; do
    [ ${#row[@]} -gt 0 ] || continue
    for index in 1 2 3 4; do
      [ "${row[0]} ${row[index]}" = "need $manager" ] && column=$index
    done
    [[ " $* " == *" ${row[0]} "* ]] && echo "${row[column]}"
  done <<<"$table"
}

has_command ${compiler%% *} || [ -z "${CXX-}" ] || fail "CXX=$CXX: no such command"
if [ $# = 0 ]; then
  while read -r need _; do
    case $need in '' | need | npm) ;; *) set -- "$@" "$need" ;; esac
  done <<<"$table"
fi
missing_of "$@"
[[ $missing =~ [^[:space:]] ]] || exit 0

for manager in apt-get dnf pacman brew none; do has_command $manager && break; done
packages=$(echo $(packages_for $manager $missing))
case $manager in
  apt-get) install="apt-get install -y --no-install-recommends $packages" ;;
  dnf) install="dnf install -y $packages" ;;
  pacman) install="pacman -Sy --needed --noconfirm $packages" ;;
  brew) install="brew install $packages" ;;
  none) fail "missing:" $missing \
    "(install them by hand: this machine has none of apt-get, dnf, pacman, brew)" ;;
esac

if [ $manager = brew ]; then
  as_root= rights=
elif [ "$(id -u)" = 0 ]; then
  as_root= rights=" as root"
elif has_command sudo && sudo -n true 2>/dev/null; then
  as_root=sudo rights=" by sudo"
else
  fail "missing packages; run: sudo $install"
fi

echo "installing $packages ($manager$rights; to install nothing: SETUP=skip make)"
[ $manager = apt-get ] && update="apt-get update;" || update=
as_root="$as_root env DEBIAN_FRONTEND=noninteractive"
if ! log=$($as_root sh -c "$update $install" 2>&1 </dev/null); then
  tail -n 5 <<<"$log" >&2
  fail "'$install' failed"
fi
missing_of "$@"
[[ $missing =~ [^[:space:]] ]] && fail "still missing after '$install':" $missing
exit 0
