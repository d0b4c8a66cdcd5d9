#!/usr/bin/env bash
# Starts the server and the clients of split learning, or of a joint VAE, on this machine. If one
# fails, stops all.
set -u

usage() {
  cat <<'END'
usage: tools/vertical.sh CLIENTS [options]

Split learning on heart.csv, with a process for the server and for each of 1 to 13 clients. A client
sends activations and gets gradients; its columns stay in its process. With --network vae it runs
exercise 3: clients encode, the server runs a VAE, clients decode.

  tools/vertical.sh 4                      the course's lab, seed 42
  tools/vertical.sh 4 --quirks published   as the notebook's published run: the top model alone
  tools/vertical.sh 4 --quirks none        without the lab's quirks
  tools/vertical.sh 4 --network vae        exercise 3 of homework 2

  --out FOLDER       for lab2b.csv or vae.csv, and the logs: out/vertical

All other options go to bin/vertical_worker; bin/vertical_worker --help lists them.
END
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/tools/launch/shell.bash"
bin=${BIN:-$root/bin}
case ${1-} in -h | --help) usage && exit ;; esac
[[ ${1-} =~ ^[1-9][0-9]?$ ]] && [ "$1" -le 13 ] ||
  fail "${1:-nothing} is not a number of clients from 1 to 13" "tools/vertical.sh 4"
[ -x "$bin/vertical_worker" ] || fail "bin/vertical_worker is not built" "make"
clients=$1 out=out/vertical options=()
shift
while [ $# -gt 0 ]; do
  case $1 in --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;; esac
  case $1 in
    --clients | --rank | --run | --address | --parent)
      fail "$1 is set by the launcher" "tools/vertical.sh CLIENTS [options]" ;;
    --out)
      [ "${2-}" ] || fail "$1 needs a value" "tools/vertical.sh --help"
      out=$2 && shift ;;
    *) options+=("$1") ;;
  esac
  shift
done
mkdir -p "$out" || fail "cannot write to $out" "choose another folder with --out"
[[ " ${options[*]} " == *" --data "* ]] || "$root/data/fetch.sh" heart >"$out/fetch.log" 2>&1 ||
  fail "heart.csv is missing and could not be fetched" "$out/fetch.log says what was tried"

private= workers=()
clean_up() {
  [ ${#workers[@]} = 0 ] || kill "${workers[@]}" 2>/dev/null
  wait
  [ ! "$private" ] || rm -rf "$private"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
make_private_folder tributary-vertical

rm -f "$out"/rank-*.log  # an earlier run may have had more clients
number_run
start() {  # start RANK, in place of a background shell
  exec "$bin/vertical_worker" --rank "$1" --clients "$clients" --address "ipc://$private" \
    --parent $$ --out "$out" "${options[@]}"
}
# From here on stderr is 3, because the shell itself reports a rank that ends by a signal to 2.
exec 3>&2 2>/dev/null
for ((rank = 0; rank <= clients; ++rank)); do
  if [ $rank = 0 ]; then
    start 0 2>"$out/rank-0.log" &
  else
    start $rank >"$out/rank-$rank.log" 2>&1 &
  fi
  workers+=($!)
done
status=0
for ((left = clients + 1; left > 0 && status == 0; --left)); do
  wait -n -p ended
  status=$?
done
[ $status = 0 ] && exit
error=$(grep -hE -A1 '^error:' "$out"/rank-*.log | head -n 2)
for rank in "${!workers[@]}"; do
  [ "${workers[rank]}" = "$ended" ] && [ ! "$error" ] &&
    error="error: rank $rank ended with $status"$'\n'"hint: what it wrote is in $out/rank-$rank.log"
done
printf '%s\n' "$error" >&3
exit $status
