# The live view of tools/pipeline.sh, which sources it: the new lines of rank 0 and, on a terminal,
# below them the last step and what each rank is doing, updated in place.

# shown: lines in place; told: lines of each rank that were printed; last, story: the newest that
# were; shown_ranks: how many ranks' lines are, from 0 on.
shown=0 told=() last= story= unwritten= shown_ranks=1 \
  untold='^(step |story after |dropped:|error:|hint:|interrupted$)'
show_all_ranks() { shown_ranks=$ranks untold=${untold%)}'|note:|memory:|sent:)'; }

# Sets lines to the new ones.
new_lines() {
  local rank before more
  lines=()
  for ((rank = 0; rank < shown_ranks; ++rank)); do
    before=${told[rank]:-0}
    mapfile -t more < <(grep -vE "$untold" "$logs/rank-$rank.log" | tail -n +$((before + 1)))
    told[rank]=$((before + ${#more[@]})) lines+=("${more[@]}")
  done
}

show() {
  local line lines new size rows columns
  new_lines
  line=$(grep -h '^step ' "$logs"/rank-*.log | sort -n -k 2 | tail -n 1)  # the last one
  [ "$line" ] && take_folder
  new=$(grep -h '^story after ' "$logs"/rank-*.log | tail -n 1)
  [ "$new" != "$story" ] && lines+=("$new") && story=$new
  if [ ! -t 1 ]; then
    [ "$line" ] && [ "$line" != "$last" ] && lines+=("$line")
    [ ${#lines[@]} -gt 0 ] && say "${lines[@]}"
    last=$line
    return
  fi
  wipe
  [ ${#lines[@]} -gt 0 ] && say "${lines[@]}"
  [ ${#running[@]} = 0 ] && { [ "$line" ] && say "$line"; return; }
  size=$(stty size </dev/tty)
  rows=${size% *} columns=${size#* }
  ((rows)) || rows=24  # some terminals do not know
  ((columns)) || columns=80
  mapfile -t lines < <(show_ranks "$rows" "$columns")
  shown=$((${#lines[@]} + 1))
  for line in "${line:-starting}" "${lines[@]}"; do say "${line:0:columns}"; done
}

# A line for each rank; where there are more of them than lines, several ranks share one.
show_ranks() {  # show_ranks ROWS COLUMNS
  local rank state line= room=$(($1 > 3 ? $1 - 2 : 1)) most=$(($2 > 20 ? $2 / 20 : 1)) each
  each=$(((ranks + room - 1) / room))
  [ $each -le $most ] || each=$most
  for ((rank = 0; rank < ranks; ++rank)); do
    [ $((rank / each)) -lt $room ] || break
    state=
    read -r state <"$private/rank-$rank.state"
    if [ $each = 1 ]; then
      printf '  rank %-3d pipeline %d, stage %d  %s\n' \
        "$rank" $((rank / stages)) $((rank % stages)) "$state"
      continue
    fi
    printf -v state '  %-3d %s' "$rank" "$state"
    printf -v line '%s%-*.*s' "$line" $(($2 / each)) $(($2 / each)) "$state"
    [ $(((rank + 1) % each)) = 0 ] || [ $((rank + 1)) = "$ranks" ] || continue
    printf '%s\n' "$line"
    line=
  done
}

wipe() {  # erases what was shown in place
  [ "$shown" -gt 0 ] && printf '\e[%dA\r\e[J' "$shown"
  shown=0
}

say() {  # say LINE...: also notices if it cannot be written
  printf '%s\n' "$@" || { unwritten=yes && false; }
}
