#!/usr/bin/env bash
# show_schedule as a user starts it: pictures, tables, drawings, wrong input.
cd "$(dirname "$0")/.." || exit 1
program=show_schedule
. tests/checks.bash

check "zb-h1 is drawn as in its paper" prints --schedule zb-h1 --stages 4 --microbatches 8 -- \
  '^0 FFFF\.\.\.BWFBWFBWFBWFBWBWBWBW$' '^3 \.\.\.FBFBFBFBWFBWFBWFBWFBWWWW$' \
  '^ +0 +3 +11\.1 +4$' '^Length 27, 11\.1 % idle, 3\.56 times'
check "microbatches can be shown" prints --stages 2 --microbatches 3 --numbers -- \
  '^  01\.00211\.22$'
check "interleaved has two chunks by default" prints --schedule interleaved --stages 2 \
  --microbatches 4 -- '^interleaved, 2 chunks' '^0 FFffFbwFbwfBWfBW\.bw\.bwBWBW$' '^ +0 .* 2\.5$'
check "measured costs decide the number of stages" prints --microbatches 3 \
  --costs 1.51/1.51/1.51,1.51/1.51/1.51,6.23/6.23/6.23 -- \
  '^1f1b: 3 stages' '^Length 59\.09, 53\.0 % idle, 1\.41 times'
check "a backward in one piece idles for longer" prints --backward 2 --weights 0 -- '^ +0 +9 '
check "messages take their time" prints --stages 2 --microbatches 1 --message 2 -- '^Length 9,'
check "all schedules are compared" prints --all --chunks 3 -- '^gpipe +30 ' '^1f1b +30 ' \
  '^interleaved, 3 chunks +26 ' '^zb-h1 +27 .* 4 4 4 4 *$'
for pair in 1/1 6/2 3/12; do
  check "any number of stages and microbatches is drawn: $pair" \
    prints --all --stages "${pair%/*}" --microbatches "${pair#*/}" -- '^zb-h1'
done

svg() {
  "$program" --schedule zb-h1 --svg "$work/folder/zb.svg" &&
    grep -q '^</svg>$\|</svg>$' "$work/folder/zb.svg" &&
    [ "$(grep -c '<title>weights' "$work/folder/zb.svg")" = 32 ]
}
check "a drawing is written, with its folder" svg
touch "$work/file"

check "a head that is split over all stages is drawn" prints --stages 4 --microbatches 6 \
  --split-head 2/2/4 -- '^0 FFFFSFS\.T\.SBWFSBWTTSBWT\.SBWT\.BWBWT$' '^ +0 .* 5$'
check "it lifts the course's model above three times one process" prints --microbatches 3 \
  --costs 1.51/1.51/1.51,1.51/1.51/1.51,.755/.755/.755,.755/.755/.755 --split-head 4.72/4.72/4.72 \
  -- '3\.11 times'
check "a search with a split head is an error" refuses "split head" --schedule search \
  --split-head 2/2/4

check "a search finds the shortest under a limit" prints --schedule search --memory 3 -- \
  '^search, v-half, 2 chunks: 4 stages' '^Length 28,' '^ +0 .* 3$'
check "a search without one is free" prints --schedule search -- '^Length 25\.5,'
check "one activation is always enough" prints --schedule search --memory 1 -- \
  '^search, 1f1b, fewer at once: 4 stages' '^ +0 .* 1$'
check "a limit that none keeps is an error" refuses "exceeds 0.5 activations" --schedule search \
  --memory 0.5
check "with the least that one keeps" refuses "the least is 1" --schedule search --memory 0.7 \
  --chunks 1
for wrong in 4TB GB -1 -1GB 1e999GB nanMB 3x '' ' '; do
  check "\"$wrong\" is no limit" refuses "\"$wrong\" is neither activations nor bytes" \
    --schedule search --memory "$wrong"
done
measured=tests/fuzz/seeds/costs/memory.json
check "the memory of a run is shown beside a schedule's" prints --schedule gpipe --costs $measured \
  --microbatches 3 -- 'Peak MB' "^ +0 .* 3 +400 +300 *\$" "^ +1 .* 3 +330 +270 *\$"
check "a search keeps every stage within its bytes" prints --schedule search --costs $measured \
  --memory 300MB -- '^the shortest with at most 300 MB per stage' "^ +0 .* 2 +300 +300 *\$" \
  "^ +1 .* [12] +(270|300) +270 *\$"
as_v() {  # the same run with its last block on the first stage
  sed 's/"blocks":\[\]/"blocks":[{"block":2,"share":1,"update":0,"bytes":0,"tied_bytes":0}]/' \
    $measured >"$work/v.json"
}
check "with bytes it keeps both ends of the model on their stages" eval 'as_v && prints \
  --schedule search --costs $measured --memory 900MB -- "ends of the model where the run had them" \
  "^search, interleaved-zb|^search, zb-h1" && prints --schedule search --costs "$work/v.json" \
  --memory 900MB -- "^search, zb-v"'
check "bytes that no schedule keeps to are an error, with the least" \
  refuses "exceeds 0.25 GB on some stage; the least is 0.27GB" --schedule search \
  --costs $measured --memory 0.25GB
check "in the same unit" refuses "the least is 270000kB" --schedule search --costs $measured \
  --memory 2000kB
check "bytes need a run" refuses "what the stages of a run took" --schedule search --memory 4GB
check "and one that has measured them" refuses "what the stages of a run took" --schedule search \
  --memory 4GB --costs tests/fuzz/seeds/costs/two_stages.json
check "a limit without a search is an error" refuses "limit for a search" --memory 3

csv=tests/golden/schedules
written() {  # written NAME: drawn from its own file it looks the same
  "$program" --schedule "$1" --csv "$work/$1.csv" --stages 3 >"$work/drawn" &&
    "$program" --schedule "$work/$1.csv" | diff <(tail -n +4 "$work/drawn") <(tail -n +4 -)
}
for name in gpipe 1f1b interleaved breadth-first zb-h1 interleaved-zb zb-v v-half v-min; do
  check "$name is written for PyTorch and read again" written $name
done
check "PyTorch's schedules are drawn" prints --schedule $csv/zb-v.csv -- \
  '3 stages, 6 microbatches$' '^2 \.\.FfFfFfbwFBWfbwFBWfbwFBWfbwBbBbBWwwWW$' '^Length 19,'
python=${TORCH_PYTHON:-python3}
if "$python" -c 'import torch.distributed.pipelining' 2>"$work/log"; then
  check "PyTorch loads ours" "$python" tests/golden/make_schedules.py --load "$work"/*.csv
  for name in interleaved-zb zb-v; do
    check "PyTorch trains with our $name, and its gradients are right" "$python" \
      tests/golden/run_schedule.py "$work/$name.csv"
  done
else
  echo "left out: PyTorch loads our schedules and trains with them (no torch 2.8 in $python)"
fi
check "a schedule with a missing action is an error" refuses "72 actions" \
  --schedule $csv/1f1b-incomplete.csv
check "a file has its own number of stages" refuses "has 3 stages, not 4" \
  --schedule $csv/zb-v.csv --stages 4
check "and of microbatches" refuses "has 6 microbatches, not 8" \
  --schedule $csv/zb-v.csv --microbatches 8
echo "0F0,0X0" >"$work/x.csv"
check "a cell with an unknown action is an error" refuses 'x.csv, line 1, cell 2: "0X0"' \
  --schedule "$work/x.csv"
check "a missing file is an error" refuses "none.csv" --schedule "$work/none.csv"
check "zb-v has two chunks" refuses "zb-v has two chunks per stage, not 3" \
  --schedule zb-v --chunks 3

costs=tests/fuzz/seeds/costs/two_stages.json
check "a run's costs are drawn" prints --costs $costs --microbatches 3 -- '^1f1b: 2 stages' \
  '^Length 25,'
check "steps on 1000 ranks are predicted, with more data and with the same" \
  prints --ranks 1000 --costs $costs --link 10us,12.5GB/s -- \
  '^1000 ranks: 500 pipelines of 2 stages, 1f1b$' '^costs of .*; a message takes 10\.0 us' \
  '^The batch grows: 2 microbatches for each pipeline$' '^ *1000 +1000 +[0-9.]+ ' \
  '^The batch stays: 500 microbatches, shared out$' '^ *1000 +500 +[0-9.]+ ' '^ *2 +500 '
check "a slow link takes its time" prints --ranks 4 --costs $costs --link 1s,1kB/s -- \
  '^ *4 +4 +18\.'
check "a slow link between pipelines takes its time only for averages" \
  prints --ranks 4 --costs $costs --link 0s,1GB/s --group-link 1s,1kB/s -- \
  'a message takes 0\.0 us and 1\.000 s per GB, between pipelines 1000000\.0 us' \
  '^ *2 +2 +16\.0000 ' '^ *4 +4 +18\.0050 '
check "so do other microbatches, schedules and batches" prints --ranks 8 --costs $costs \
  --microbatches 8 --schedule interleaved --batch 32 -- 'interleaved$' '^ *8 +32 ' '32 microbatches'
scaling() {
  "$program" --ranks 100 --costs $costs --svg "$work/folder/scaling.svg" &&
    grep -q 'the batch grows' "$work/folder/scaling.svg"
}
check "and are drawn" scaling
own() {  # own SCHEDULE: costs of a run with this schedule
  sed "s/1f1b/$1/" $costs >"$work/own.json"
}
check "the run's schedule is the default" eval 'own gpipe && prints --ranks 8 \
  --costs "$work/own.json" -- " gpipe$" " from 1 pipeline; "'
check "another can be named" prints --ranks 8 --costs "$work/own.json" --schedule zb-h1 -- ' zb-h1$'
check "a schedule without a name is 1f1b" eval 'own made-up && prints --ranks 8 \
  --costs "$work/own.json" -- " 1f1b$"'
check "a schedule file cannot be predicted" refuses "schedule by name" --ranks 8 --costs $costs \
  --schedule $csv/zb-v.csv
check "costs of one step exclude those of a run" refuses "--forward" --ranks 8 --costs $costs \
  --forward 2
check "predictions have no numbers" refuses "--numbers" --ranks 8 --costs $costs --numbers
check "costs of nothing are an error" eval \
  'sed -E "s/: ?[1-9]/:0/g;s/batches\":0/batches\":2/;s/lines\":0/lines\":1/" $costs \
  >"$work/zero.json"; refuses "make no step" --ranks 8 --costs "$work/zero.json"'
check "a link without units is an error" refuses '"10,5" is not a latency and a speed' \
  --ranks 8 --costs $costs --link 10,5
check "nor is one between pipelines" refuses '--group-link "10" is not a latency and a speed' \
  --ranks 8 --costs $costs --group-link 10
check "a link between pipelines without ranks is an error" \
  refuses "--group-link is for a prediction" --group-link 1us,1GB/s
check "a link without ranks is an error" refuses "--link is for a prediction" --link 1us,1GB/s
check "a batch without ranks is an error" refuses "--batch is for a prediction" --batch 4
check "costs that are not there are an error" refuses "no costs in .*x.json" --ranks 8 \
  --costs "$work/x.json"
check "costs that were not measured are an error" refuses "x.csv" --ranks 8 --costs "$work/x.csv"
check "fewer ranks than stages are an error" refuses "2 stages, and there are only 1 rank" \
  --ranks 1 --costs $costs
check "other stages than the run's are an error" refuses "has costs of 2 stages" --ranks 8 \
  --costs $costs --stages 4

check "an unknown schedule lists the known ones" refuses 'no schedule "zb-h2"' --schedule zb-h2
known() {
  "$program" --schedule x 2>&1 | grep -q "gpipe, 1f1b, interleaved, breadth-first, zb-h1, .* v-min"
}
check "the hint names the schedules" known
check "zero stages are an error" refuses "--stages" --stages 0
check "half a microbatch is an error" refuses "--microbatches" --microbatches 1.5
check "chunks need a schedule that has them" refuses "1f1b has one chunk" --chunks 2
check "two costs of a stage are an error" refuses '"1/1"' --costs 1/1,1/1/1
check "words for costs are an error" refuses '"a/b/c"' --costs a/b/c
check "a negative cost is an error" refuses '"1/-1/1"' --costs 1/-1/1
check "an infinite cost is an error" refuses '"1/inf/1"' --costs 1/inf/1
check "a missing cost is an error" refuses '""' --costs 1/1/1,
check "costs of another number of stages are an error" refuses "has 1 of 2 stages" --stages 2 \
  --costs 1/1/1
check "costs exclude a common cost" refuses "--costs" --costs 1/1/1 --forward 2
check "no work is an error" refuses "all costs are 0" --costs 0/0/0
check "a drawing of all schedules is an error" refuses "--svg" --all --svg "$work/x.svg"
check "a drawing that cannot be written is an error" refuses "$work/file" --svg "$work/file/x.svg"
check "an unknown option is an error" refuses "stage" --stage 3
finish
