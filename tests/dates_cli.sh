#!/bin/sh
# The command line of example 02: what it refuses and how, a small training, its file, the questions put to it.
#
#   sh tests/dates_cli.sh PROGRAM
program=$1
. "$(dirname "$0")/cli_common.sh"

: >"$work/empty"
mkdir "$work/folder"
for wrong in --nonsense -z word --steps '--steps 0' '--steps 1x' '--steps 1e3' '--steps 99999999999999999999' \
             '--batch 513' '--lr nan' '--lr -1' '--dates 0' '--threads -1' --quiet=1 --ask --heads '--ask - --heads' \
             "--load $work/none" "--load $work/empty" "--load $work/folder" "--load $work/none --steps 3" \
             "--save $work/folder" "--save $work/none/x"; do
    refuses $wrong
done
refuses --save ''

helps steps batch lr seed save load ask heads dates threads quiet

# A training too short to learn much; off a terminal no escapes are written. What --load then says of the file is what
# was said of the model in memory, so it came back whole.
small="--steps 40 --batch 16 --dates 50"
succeeds $small --threads 1 --save "$work/a"
grep -qx 'step 40/40  loss [0-9.]*  .*' "$work/out" || fail "no line for the last step"
sed -n '/^held-out/,/decoder.1.cross_attn  *[0-9.]* *[0-9.]* *[0-9.]* *[0-9.]*$/p' "$work/out" >"$work/said"
[ "$(lines "$work/said")" -gt 30 ] || fail "the report is short: $(cat "$work/said")"
[ "$(awk '$2 == "head" {print $4, $5, $6}' "$work/said" | sort -u | wc -l)" -gt 1 ] || fail "no head matters"
run --load "$work/a" --dates 50 --threads 1
[ "$status" = 0 ] && cmp -s "$work/out" "$work/said" || fail "--load reports otherwise than the training did"

run $small --threads 2 --quiet --save "$work/b"
[ "$(lines "$work/out")" = 1 ] && grep -qx 'held-out dates read exactly: [0-9]*/50' "$work/out" ||
    fail "--quiet: $(cat "$work/out")"
cmp -s "$work/a" "$work/b" || fail "1 thread, watched, and 2, unwatched, gave different weights"
run $small --threads 1 --quiet --seed 2 --save "$work/b"
! cmp -s "$work/a" "$work/b" || fail "another seed gave the same weights"

saves=yes
records --steps 4 --batch 16 --dates 20
profiles --steps 4 --batch 16 --dates 20
replays 4 --steps 9 --batch 16 --dates 20 --save "$work/b"
for wrong in "--load $work/a --record $work/new" "--load $work/a --report $work/new.html" "--ask x --record $work/new"; do
    refuses $wrong
done

head -c 500000 "$work/a" >"$work/short"
refuses --load "$work/short" --ask '3 May 1979'
refuses --load "$work/a" --ask ''
refuses --load "$work/a" --ask '五月'

run --load "$work/a" --threads 1 --ask '  Thursday, 3 May 1979 '
[ "$status" -le 1 ] && grep -q '^  T h u r s d a y ,   3   M a y   1 9 7 9 $' "$work/out" ||
    fail "--ask: no map: $(cat "$work/out")"

# A line for a line, also for those that are no text and for the last without its newline.
printf '3 May 1979\r\n\n3 мая 1979 года\n\321\nab\0c\n%050d\n1979-05-03' 0 |
    "$program" --load "$work/a" --threads 1 --ask - >"$work/out" 2>"$work/err"
[ $? = 1 ] || fail "--ask -: exit status"
[ "$(lines "$work/out")" = 7 ] || fail "--ask -: $(lines "$work/out") lines for 7"
! grep -qvx -e '[0-9]\{4\}-[0-9][0-9]-[0-9][0-9]' -e '?' "$work/out" || fail "--ask -: $(cat "$work/out")"
for n in 2 4 5 6; do
    [ "$(sed -n ${n}p "$work/out")" = '?' ] && grep -q "^02_dates: line $n: " "$work/err" || fail "--ask -: line $n"
done

# Interrupted, it saves and says so, and ends as one who was interrupted.
"$program" --steps 1000000 --threads 1 --save "$work/c" >"$work/out" 2>"$work/err" &
child=$!
tries=0
until grep -q '→' "$work/out" || [ $((tries += 1)) -gt 600 ]; do sleep 0.05; done
kill -TERM "$child"
wait "$child" 2>/dev/null
status=$? child=
[ "$status" = 143 ] || fail "after SIGTERM: exit status $status"
grep -qx "stopped after step [0-9]* of 1000000; the weights are in $work/c" "$work/out" ||
    fail "after SIGTERM: $(cat "$work/out")"
echo '3 May 1979' | "$program" --load "$work/c" --threads 1 --ask - >"$work/out" 2>/dev/null
[ "$(lines "$work/out")" = 1 ] || fail "the file of an interrupted run is of no use"

echo "dates_cli: options, files, training, questions and interruption of $(basename "$program"): all as promised"
