# What the launchers of several processes on this machine share.

fail() {  # fail MESSAGE HINT
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 2
}

# Where sockets can be: a socket's path has at most 107 bytes.
temporary_folder() {
  local folder=${TMPDIR:-/tmp}
  (LC_ALL=C && [ ${#folder} -le 70 ]) || folder=/tmp
  printf '%s' "$folder"
}
no_private_folder() { fail "cannot make a folder for sockets in $1" "choose another with TMPDIR"; }

# Each start has its own number, so that it drops messages of the one before. It is not on the
# command line, which other users can read.
number_run() {
  TRIBUTARY_RUN=$(od -An -N6 -tu8 /dev/urandom | tr -d ' ')
  export TRIBUTARY_RUN
}
