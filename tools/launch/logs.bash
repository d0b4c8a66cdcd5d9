# The logs of the ranks that tools/pipeline.sh starts, which sources it. $logs is their folder.

# Logs are read once, line by line, and without another process: where there are as many ranks as
# cores, each would take time from a step.
readers=() unfinished=()  # for each rank: the descriptor, and the start of a line without its end
open_logs() {
  local rank reader
  close_logs
  for ((rank = 0; rank < ranks; ++rank)); do
    exec {reader}<"$logs/rank-$rank.log" || exec {reader}</dev/null  # the folder was removed
    readers+=("$reader") unfinished+=('')
  done
}
close_logs() {
  local reader
  for reader in "${readers[@]}"; do exec {reader}<&-; done
  readers=() unfinished=()
}

# Calls `take RANK LINE` for each new line.
read_logs() {
  local rank line
  for ((rank = 0; rank < ranks; ++rank)); do
    while IFS= read -r line <&"${readers[rank]}" || { unfinished[rank]+=$line && false; }; do
      take "$rank" "${unfinished[rank]}$line"
      unfinished[rank]=
    done
  done
}

# After the first step the folder is this run's, and the logs move there. Logs of an earlier start
# of the same run are renamed to restart-N-rank-R.log.
take_folder() {
  [ "$logs" = "$out" ] && return
  keep_logs "$out"
  mv "$logs"/* "$out" && rmdir "$logs" && logs=$out
}
keep_logs() {  # keep_logs FOLDER
  local log n=1
  while compgen -G "$out/restart-$n-*" || compgen -G "$logs/restart-$n-*"; do
    ((++n))
  done >/dev/null
  for log in "$1"/rank-*.log; do [ -e "$log" ] && mv "$log" "$1/restart-$n-${log##*/}"; done
}
