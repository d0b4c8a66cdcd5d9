# What the launchers of several processes on this machine share.

fail() {  # fail MESSAGE HINT
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 2
}

# Sets private to a new folder for sockets, keys and the ranks' state, which no other user can open.
# It is locked while the launcher or a rank lives; the next launcher removes it if none does.
make_private_folder() {  # make_private_folder NAME
  local folder temporary=${TMPDIR:-/tmp}
  (LC_ALL=C && [ ${#temporary} -le 70 ]) || temporary=/tmp  # a socket's path has at most 107 bytes
  for folder in "$temporary/$1"-*; do
    [ -O "$folder" ] && [ ! -L "$folder" ] && [ -f "$folder/.lock" ] &&
      flock -n "$folder/.lock" true && rm -rf "$folder"
  done
  private=$(mktemp -d "$temporary/$1-XXXXXX" 2>/dev/null) && exec 5>"$private/.new" && flock 5 &&
    mv "$private/.new" "$private/.lock" ||
    fail "cannot make a folder for sockets in $temporary" "choose another with TMPDIR"
}

# Each start has its own number, so that it drops messages of the one before. It is not on the
# command line, which other users can read.
number_run() {
  TRIBUTARY_RUN=$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')
  export TRIBUTARY_RUN
}
