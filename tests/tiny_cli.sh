#!/bin/sh
# The command line of example 06: what it refuses and how, a small training on each kind of tokens, its file, writing from it; and
# a run that is killed again and again: it goes on from its checkpoint to the same bits.
#
#   sh tests/tiny_cli.sh PROGRAM
program=$1
. "$(dirname "$0")/cli_common.sh"

: >"$work/empty"
mkdir "$work/folder"
head -c 30000 "$(dirname "$0")/../README.md" >"$work/text"
for wrong in --nonsense -z word '--steps 0' '--steps 1x' '--recipe x' '--tokens-are words' '--merges 0' '--temperature -1' \
             '--top-p 1.5' '--threads 257' --quiet=1 "--text $work/none" "--text $work/empty" "--text $work/folder" \
             "--load $work/none" "--load $work/text" "--save $work/folder" "--save $work/none/x" '--every 0'; do
    refuses $wrong
done
helps text tokens-are merges recipe steps seed save checkpoint every recompute load prompt tokens temperature top-k top-p threads quiet

small="--text $work/text --steps 12 --quiet"
line='validation loss: [0-9.]* (perplexity [0-9.]*, [0-9.]* bits a token), recipe [a-z]*, seed 1, mean over [0-9,]* tokens in windows of 64'
for kind in characters bytes 'bpe --merges 20'; do
    succeeds $small --tokens-are $kind --recipe best --threads 1 --save "$work/a"
    [ "$(lines "$work/out")" = 1 ] && grep -qx "$line" "$work/out" || fail "$kind: $(cat "$work/out")"
done
mv "$work/out" "$work/said"
succeeds --load "$work/a" --text "$work/text" --quiet --threads 2
sed 's/seed [0-9]*/seed 1/' "$work/out" | cmp -s - "$work/said" || fail "--load: $(cat "$work/out"), not $(cat "$work/said")"
succeeds --load "$work/a" --prompt 'The ' --tokens 30 --threads 1
mv "$work/out" "$work/said"
grep -q '^The ' "$work/said" || fail "--prompt: $(cat "$work/said")"
succeeds --load "$work/a" --prompt 'The ' --tokens 30 --threads 2
cmp -s "$work/out" "$work/said" || fail "the same seed wrote something else"
succeeds --text "$work/text" --steps 12 --threads 1 --save "$work/b"
[ "$(lines "$work/out")" -gt 30 ] || fail "the lesson is short"

saves=yes
records --text "$work/text" --steps 2
profiles --text "$work/text" --steps 2
for wrong in "--load $work/a --record $work/new" "--prompt x --report $work/new.html" "--load $work/a --profile" "--load $work/a --recompute" "--prompt x --trace $work/new"; do
    refuses $wrong
done

# Killed without warning at whatever moment, it leaves a checkpoint that is whole, and ends where it would have ended.
run_of="--text $work/text --steps 60 --quiet --threads 1 --every 2"
succeeds $run_of --save "$work/whole"
succeeds $run_of --save "$work/again" --recompute
cmp -s "$work/whole" "$work/again" || fail "--recompute ended with other weights"
kills=0
while [ "$kills" -lt 4 ]; do
    "$program" $run_of --save "$work/killed" --checkpoint "$work/run" >"$work/out" 2>"$work/err" &
    child=$!
    sleep "0.$((3 + 2 * kills))"
    kill -KILL "$child" 2>/dev/null
    wait "$child" 2>/dev/null
    child=
    kills=$((kills + 1))
done
succeeds $run_of --save "$work/killed" --checkpoint "$work/run"
cmp -s "$work/whole" "$work/killed" || fail "a run that was killed $kills times ended with other weights"
# One that goes on is recorded from there on.
succeeds --text "$work/text" --steps 66 --quiet --threads 1 --save "$work/c" --checkpoint "$work/run" --record "$work/rest"
grep -q '"step":61,"scalars"' "$work/rest/index.jsonl" && ! grep -q '"step":60,' "$work/rest/index.jsonl" &&
    tail -n 1 "$work/rest/index.jsonl" | grep -qx '{"end":{"steps":66}}' || fail "a run that goes on is not recorded from step 61"
# In a folder of its own: that of the earlier part is refused before anything is done, and stays as it is.
cksum "$work/rest/index.jsonl" >"$work/said"
run --text "$work/text" --steps 70 --quiet --threads 1 --save "$work/c" --checkpoint "$work/run" --record "$work/rest"
[ "$status" = 2 ] && grep -q "^$name: --record $work/rest: there is a recording in it, .*: name a new folder, also for a run that goes on;" "$work/err" ||
    fail "--record of an earlier part: $(cat "$work/err")"
cksum "$work/rest/index.jsonl" | cmp -s - "$work/said" || fail "--record of an earlier part: it was written to"
head -c 100000 "$work/run" >"$work/half"
run $run_of --save "$work/c" --checkpoint "$work/half"
[ "$status" = 1 ] && grep -q "^$name: $work/half: " "$work/err" || fail "half a checkpoint: $(cat "$work/err")"

echo "tiny_cli: options, files, writing, and a run killed $kills times that ended with the same bits: all as promised"
