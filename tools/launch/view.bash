# The live view of tools/pipeline.sh, which sources it: the lines of rank 0 and, on a terminal,
# below them the last step and what each rank is doing, updated in place. The other ranks' lines
# follow when the run has ended; if it is elastic, where ranks come and go, at once.

# shown: how many lines are in place; step, story: the newest ones, printed_*: as they were shown
# last; lines: to be shown next; later: of the other ranks; size: the terminal's, lines and columns.
shown=0 unwritten= size=
begin_view() { step= step_number=0 story= printed_step= printed_story= lines=() later=(); }

take() {  # take RANK LINE
  case $2 in
    'step '[0-9]*/*)
      local number=${2#step }
      number=${number%%/*}
      # Not ((...)): it would run a command in a line that only looks like a step.
      [ "$number" -lt "$step_number" ] || step=$2 step_number=$number
      ;;
    'story after '*) story=$2 ;;
    dropped:* | error:* | hint:* | interrupted) ;;
    note:* | memory:* | sent:*) [ "$elastic" ] || take_text "$@" ;;
    *) take_text "$@" ;;
  esac
}
take_text() {  # take_text RANK LINE
  if [ "$1" = 0 ] || [ "$elastic" ]; then lines+=("$2"); else later[$1]+=$2$'\n'; fi
}

show() {
  local line rows columns
  show_lines
  [ -t 1 ] || return
  # Nobody tells a stopped process that the size has changed: hence CONT.
  [ "$size" ] || { size=$(stty size </dev/tty) && trap 'size=' WINCH CONT; }
  rows=${size% *} columns=${size#* }
  ((rows)) || rows=24  # some terminals do not know
  ((columns)) || columns=80
  lines=("${step:-starting}")
  add_ranks "$rows" "$columns"
  shown=${#lines[@]}
  for line in "${lines[@]}"; do say "${line:0:columns}"; done
  lines=()
}
# On a terminal, the last step replaces what was updated in place.
end_view() {
  show_lines
  [ ! -t 1 ] || [ ! "$step" ] || say "$step"
}
show_lines() {
  read_logs
  [ "$step" ] && take_folder
  [ "$story" = "$printed_story" ] || lines+=("$story")
  printed_story=$story
  [ -t 1 ] || [ "$step" = "$printed_step" ] || lines+=("$step")
  printed_step=$step
  wipe
  [ ${#lines[@]} = 0 ] || say "${lines[@]}"
  lines=()
}

# Adds a line for each rank; where there are more of them than lines, several ranks share one.
add_ranks() {  # add_ranks ROWS COLUMNS
  local rank state line= room=$(($1 > 3 ? $1 - 2 : 1)) most=$(($2 > 20 ? $2 / 20 : 1)) each
  each=$(((ranks + room - 1) / room))
  [ $each -le $most ] || each=$most
  for ((rank = 0; rank < ranks; ++rank)); do
    [ $((rank / each)) -lt $room ] || break
    state=
    read -r state <"$private/rank-$rank.state"
    if [ $each = 1 ]; then
      printf -v line '  rank %-3d pipeline %d, stage %d  %s' \
        "$rank" $((rank / stages)) $((rank % stages)) "$state"
      lines+=("$line")
      continue
    fi
    printf -v state '  %-3d %s' "$rank" "$state"
    printf -v line '%s%-*.*s' "$line" $(($2 / each)) $(($2 / each)) "$state"
    [ $(((rank + 1) % each)) = 0 ] || [ $((rank + 1)) = "$ranks" ] || continue
    lines+=("$line")
    line=
  done
}

show_the_others() {
  local text
  printf -v text '%s' "${later[@]}"
  [ ! "$text" ] || say "${text%$'\n'}"
}

wipe() {  # erases what was shown in place
  [ "$shown" -gt 0 ] && printf '\e[%dA\r\e[J' "$shown"
  shown=0
}

say() {  # say LINE...: also notices if it cannot be written
  printf '%s\n' "$@" || { unwritten=yes && false; }
}
