# Shared by the tests of elastic runs: three pipelines of three stages. Sourced after
# prepare_launcher.
stages=3 pipelines=3 ranks=9
options=(--text "$work/stories.txt" --tokenizer bytes --d 16 --depth 3 --heads 2 --tokens 16
  --threads 1 --checkpoint-every 50 --heartbeat 2 --timeout 20)
write_stories

# By the launcher, which starts killed ranks again; the results are in $work/NAME.
launched() {  # launched NAME OPTIONS...
  tools/pipeline.sh $stages $pipelines --elastic "${options[@]}" --steps 60 --out "$work/$1" \
    "${@:2}"
}
