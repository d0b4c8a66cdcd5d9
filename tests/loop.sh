#!/usr/bin/env bash
# The training loop: optimizers, validation on held-out text, options from a file.
cd "$(dirname "$0")/.." || exit 1
program=pipeline_worker
. tests/checks.bash
prepare_launcher

write_stories
small=(--text "$work/stories.txt" --d 32 --heads 2 --tokens 24 --steps 6)
train() {  # train NAME STAGES [PIPELINES] [options]: into $work/NAME
  tools/pipeline.sh "${@:2}" --out "$work/$1"
}
same_model() { same_tensors "$work"/{"$1","$2"}/checkpoint; }
same_validation() { cmp "$work"/{"$1","$2"}/validation.csv; }

decayed=("${small[@]}" --microbatches 6 --optimizer adamw --weight-decay 0.1 --warmup 2
  --lr-floor 1e-4)
check "AdamW trains" train adamw 1 "${decayed[@]}"
check "and in three processes" train adamw-three 3 "${decayed[@]}"
check "with the same losses" same_losses adamw adamw-three
check "SGD trains" train sgd 2 "${small[@]}" --optimizer sgd --lr 0.1
check "and keeps no state" \
  [ ! "$(grep -l exp_avg "$work"/sgd/steps/step-6/piece-*.safetensors)" ]
check "Adam's weights do not decay" refused "--weight-decay does not go with Adam" \
  train refused 2 "${small[@]}" --weight-decay 0.1

validated=("${small[@]}" --held-out 0.2 --eval-every 2)
check "one process validates" train one 1 "${validated[@]}" --microbatches 6 \
  --tensorboard "$work/board" --clip-norm 100 --sample-every 4
check "every second step" \
  [ "$(cut -d, -f1 "$work/one/validation.csv" | tr '\n' ' ')" = "Step 2 4 6 " ]
check "and prints it" \
  grep -qE "^step 6/6  loss [0-9.]+  validation [0-9.]+ \(perplexity [0-9.]+\)" \
    "$work/one/rank-0.log"
check "with the share of the peak, which it has measured" eval \
  'grep -qE "^peak: [0-9]+ GFLOP/s; " "$work/one/rank-0.log" &&
    grep -qE "tokens/s +[0-9]+ %  [0-9:]+ to go$" "$work/one/rank-0.log"'
for name in Loss/training Loss/validation Perplexity "Learning rate" "Norm of gradients" \
  "Tokens per second" "Share of peak"; do
  check "TensorBoard gets $name" grep -qa "$name" "$work"/board/events.out.tfevents.*
done
# The real TensorBoard reads the event file, if it is installed.
python=${ORACLE_PYTHON-build/python-oracle/bin/python}
read_back() {
  "$python" - "$work/board" "$work/one/loss.csv" "$work/one/validation.csv" <<'EOF'
import csv, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1])
events.Reload()
for file, column, name in ((2, "Loss", "Loss/training"), (2, "Norm", "Norm of gradients"),
                           (3, "Loss", "Loss/validation"), (3, "Perplexity", "Perplexity")):
    rows = list(csv.DictReader(open(sys.argv[file])))
    read = events.Scalars(name)
    assert [event.step for event in read] == [int(row["Step"]) for row in rows], name
    for event, row in zip(read, rows):
        assert abs(event.value - float(row[column])) < 1e-6 * abs(event.value), (name, row)
EOF
}
if "$python" -c 'import tensorboard' 2>/dev/null; then
  check "TensorBoard reads losses, norms and perplexity as they are in the tables" read_back
fi
check "three processes validate" train three 3 "${validated[@]}" --microbatches 6 --clip-norm 100 \
  --schedule zb-h1 --checkpoint-every 3
check "with the same bits" same_validation one three
rm -r "$work/three/steps/step-6"
check "it continues" train three 3 "${validated[@]}" --microbatches 6 --clip-norm 100 --resume
check "with the same validation" same_validation one three
check "two pipelines validate" train two 2 2 "${validated[@]}" --microbatches 3 --lr 1e-30
check "as one does, while their weights are the same" \
  train still 1 "${validated[@]}" --microbatches 6 --lr 1e-30
check "with the same bits" same_validation still two
check "validation needs text that is held out" refused "needs text that is held out" \
  train refused 2 "${small[@]}" --eval-every 2
check "stories are written" train told 1 "${small[@]}" --microbatches 6 --sample-every 4
check "after every so many steps and the last" \
  [ "$(grep '^step ' "$work/told/samples.txt" | xargs)" = "step 4 step 6" ]
check "and shown" grep -q "^story after step 6: " "$work/told/rank-0.log"
check "three processes write them" train told-three 3 "${small[@]}" --microbatches 6 \
  --sample-every 4 --schedule zb-h1 --checkpoint-every 4
check "with the same bits" cmp "$work"/{told,told-three}/samples.txt
rm -r "$work/told-three/steps/step-6"
check "it continues" train told-three 2 "${small[@]}" --microbatches 6 --sample-every 4 --resume
check "with the same stories" cmp "$work"/{told,told-three}/samples.txt
check "the report has the stories" grep -q "Stories along the way" "$work/told-three/report.html"
check "as they are, whatever a model writes" grep -q '<pre style="white-space: pre-wrap">step 4$' \
  "$work/told-three/report.html"
check "and answers to B1" grep -q "B1: what do stages" "$work/told-three/report.html"
check "but not to B2, which has several pipelines" \
  [ "$(grep -c "B2: " "$work/told-three/report.html")" = 0 ]
check "a head of one stage writes stories and is validated as a split one" train split 1 \
  "${validated[@]}" --microbatches 6 --sample-every 4 --split-head
check "with the same validation" same_validation one split
check "and the same stories" cmp "$work"/{one,split}/samples.txt

check "a run is repeated from its config.toml" \
  train again 3 --config "$work/adamw-three/config.toml"
check "with the same losses" same_losses adamw again
check "and the same model" same_model adamw-three again
check "the command line wins" \
  train shorter 3 --config "$work/adamw-three/config.toml" --warmup 0 --lr-floor 0 --steps 3
check "over the file" [ "$(wc -l <"$work/shorter/loss.csv")" = 4 ]
printf 'out = "%s"\ntext = "%s"\nd = 32\nheads = 2\ntokens = 24\nsteps = 2\nzero1 = true\n' \
  "$work/elsewhere" "$work/stories.txt" >"$work/run.toml"
check "a file names the folder of results" tools/pipeline.sh 1 2 --config "$work/run.toml"
check "which are there" [ -s "$work/elsewhere/loss.csv" ]
echo 'step = 3' >"$work/wrong.toml"
check "an unknown option in a file is an error" refused "there is no option --step" \
  train refused 2 --config "$work/wrong.toml"
check "a missing file is an error" refused "none.toml" train refused 2 --config "$work/none.toml"
finish
