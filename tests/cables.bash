# A network of namespaces, one for each of $ranks ranks, with a cable from each to a namespace of
# the script's own, which forwards: rank R is at 10.9.R.2. Sourced before checks.bash.
if [ "${OWN_NETWORK-}" != yes ] && unshare --net ip link set lo up 2>/dev/null; then
  OWN_NETWORK=yes exec unshare --net bash -c 'ip link set lo up; exec "$0" "$@"' "$0" "$@"
fi

homes=()
at_home() { nsenter --net=/proc/${homes[$1]}/ns/net "${@:2}"; }  # at_home RANK COMMAND...

# Fails where that is not allowed.
lay_cables() {
  local rank
  [ "${OWN_NETWORK-}" = yes ] && echo 1 >/proc/sys/net/ipv4/ip_forward || return
  for ((rank = 0; rank < ranks; ++rank)); do
    unshare --net sleep infinity &
    homes[rank]=$!
    sleep 0.1
    ip link add cable$rank type veth peer name eth0 netns ${homes[rank]} &&
      ip address add 10.9.$rank.1/24 dev cable$rank && ip link set cable$rank up &&
      at_home $rank ip link set lo up && at_home $rank ip address add 10.9.$rank.2/24 dev eth0 &&
      at_home $rank ip link set eth0 up && at_home $rank ip route add default via 10.9.$rank.1 ||
      return
  done
} 2>/dev/null
