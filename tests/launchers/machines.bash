# Three machines on this one: each has namespaces of its own, for processes and for the network,
# which a bridge joins by 100 Mbit/s. Machine N has the address 10.77.0.1N. Sourced by run.sh.
machines=() keepers=()  # the first process of each, and what ends it

on_machine() {  # on_machine NUMBER COMMAND...
  nsenter --target "${machines[$1]}" --net --pid --mount --wd="$PWD" "${@:2}"
}
# What mpirun uses instead of ssh: $work/ssh [OPTIONS] ADDRESS COMMAND... Machines that are really
# several have folders of their own for temporary files.
write_ssh() {
  {
    echo '#!/usr/bin/env bash'
    printf 'work=%q machines=(%s)\n' "$work" "${machines[*]}"
    declare -f on_machine
    echo 'while [[ $1 = -* ]]; do shift; done'
    echo 'TMPDIR=$(mktemp -d "$work/machine-${1: -1}-XXXX"); export TMPDIR'
    echo 'on_machine "${1: -1}" sh -c "${*:2}"'
  } >"$work/ssh"
  chmod +x "$work/ssh"
}

slow() { tc qdisc add dev "$1" root tbf rate 100mbit burst 64kb latency 50ms; }

start_machine() {  # start_machine NUMBER
  # The first process of a namespace must bury the others.
  unshare --net --pid --fork --kill-child --mount-proc \
    bash -c 'while :; do sleep infinity & wait; done' &
  local outside=$! inside= _
  keepers+=($outside)
  for _ in {1..100}; do
    inside=$(pgrep -P $outside) && break
    sleep 0.02
  done
  machines[$1]=$inside
  ip link add "machine$1" type veth peer name eth0 netns "$inside" &&
    ip link set "machine$1" master bridge up && slow "machine$1" &&
    on_machine "$1" ip link set lo up && on_machine "$1" ip link set eth0 up &&
    on_machine "$1" ip address add "10.77.0.1$1/24" dev eth0 &&
    on_machine "$1" bash -c "$(declare -f slow); slow eth0"
}
# Says what is missing, and fails, if there can be none here.
start_machines() {
  local tool number
  for tool in unshare nsenter ip tc; do
    has $tool || { echo "left out: three machines (package iproute2)"; return 1; }
  done
  [ "$own_network" ] ||
    { echo "left out: three machines (need root and network namespaces)"; return 1; }
  ip link add bridge type bridge && ip address add 10.77.0.1/24 dev bridge &&
    ip link set bridge up || { echo "left out: three machines (no bridge)"; return 1; }
  for number in 0 1 2; do start_machine $number || { stop_machines; return 1; }; done
  write_ssh
}
stop_machines() {
  [ ${#keepers[@]} = 0 ] || kill -KILL "${keepers[@]}"
  machines=() keepers=()
}
