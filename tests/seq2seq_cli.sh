#!/bin/sh
# The command line of example 05: what it refuses and how, small trainings, their files, the questions put to them, the table.
#
#   sh tests/seq2seq_cli.sh PROGRAM
program=$1
. "$(dirname "$0")/cli_common.sh"

: >"$work/empty"
for wrong in --nonsense word '--steps 0' '--batch 513' '--lr nan' '--score nearest' '--cell cell' '--task poems' '--hidden 33' \
             '--beam 0' '--examples 0' '--local q' '--reach 3' '--score none --local m' '--score transformer --feed' \
             '--compare --score dot' "--load $work/none" "--load $work/empty" "--load $work/none --steps 3" \
             "--save $work/none/x"; do
    refuses $wrong
done
helps steps batch lr sampling task score cell hidden local reach feed seed compare save load ask beam examples threads quiet

# Too short to learn much. What --load says of the file is what was said of the model in memory.
small="--steps 12 --batch 8 --examples 20 --hidden 16"
succeeds $small --threads 1 --task phrases --save "$work/a"
grep -q '^step 12/12  loss [0-9.]*  ' "$work/out" || fail "no line for the last step"
result='held-out sentences translated exactly: [0-9]*/20, attention within one place of the true alignment: [0-9.]* %'
grep -qx "$result" "$work/out" || fail "no result: $(cat "$work/out")"
grep "^held-out" "$work/out" >"$work/said"
succeeds --load "$work/a" --examples 20 --threads 1 --quiet
cmp -s "$work/out" "$work/said" || fail "--load reports otherwise than the training did"
succeeds --load "$work/a" --threads 1 --beam 3 --ask ' The small boy'\''s 72 cats see him '
grep -q "the small boy's 72 cats see him  →  " "$work/out" || fail "--ask: $(cat "$work/out")"
grep -q '^ *the *small *boy *.s *7 *2 *cats *see *him *$' "$work/out" || fail "--ask: no map: $(cat "$work/out")"
refuses --load "$work/a" --ask 'the helicopter'
refuses --load "$work/a" --ask ''

succeeds $small --threads 2 --quiet --task phrases --save "$work/b"
[ "$(lines "$work/out")" = 1 ] || fail "--quiet: $(cat "$work/out")"
cmp -s "$work/a" "$work/b" || fail "1 thread, watched, and 2, unwatched, gave different weights"

saves=yes
for form in '' '--score dot --task phrases --feed --sampling 0.5' '--score transformer'; do
    records --steps 3 --batch 8 --examples 10 --hidden 16 $form
    profiles --steps 3 --batch 8 --examples 10 --hidden 16 $form
done
replays 2 --steps 9 --batch 8 --examples 10 --hidden 16 --task phrases --save "$work/b"
for wrong in "--compare --record $work/new" "--compare --report $work/new.html" "--load $work/a --record $work/new" \
             "--score none --record $work/new" "--ask x --report $work/new.html"; do
    refuses $wrong
done

# Every form comes back from its file as it was.
for form in '--score dot --cell lstm' '--score general --local p --reach 3' '--score location --local m' '--score none --feed' \
            '--score cosine --cell rnn --sampling 0.5' '--score transformer'; do
    succeeds $small --threads 1 --quiet $form --save "$work/b"
    cp "$work/out" "$work/said"
    succeeds --load "$work/b" --threads 1 --examples 20 --quiet
    cmp -s "$work/out" "$work/said" || fail "$form: --load reports otherwise than the training did"
done

# A line for a line.
printf '3 May 1979\r\n\nab\0c\n五月\n1979-05-03' | "$program" --load "$work/b" --threads 1 --ask - >"$work/out" 2>"$work/err"
[ $? = 1 ] || fail "--ask -: exit status"
[ "$(lines "$work/out")" = 5 ] || fail "--ask -: $(lines "$work/out") lines for 5"
for n in 2 3 4; do
    [ "$(sed -n ${n}p "$work/out")" = '?' ] && grep -q "^$name: line $n: " "$work/err" || fail "--ask -: line $n"
done

# The table has a line for each.
succeeds --steps 3 --batch 4 --examples 4 --hidden 8 --threads 1 --compare
for look in none location dot cosine scaled general concat additive transformer; do
    grep -q "^  $look  *[0-9,]*  *[0-9.]* %  " "$work/out" || fail "--compare: no line for $look: $(cat "$work/out")"
done

echo "seq2seq_cli: options, files, every score, questions and the table of $name: all as promised"
