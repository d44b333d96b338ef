#!/bin/sh
# Examples as a stranger runs them, all that they say included, for a few steps: what a lesson leaves behind on its way is found
# where memory is watched (`make asan`). What they answer is for the other tests.
#
#   sh tests/briefly.sh PROGRAM
program=$1
. "$(dirname "$0")/cli_common.sh"

case $name in
0[34]_*) succeeds ;;
01_glass_box)
    succeeds --steps 20 --report "$work/page.html"
    succeeds --steps 20 --task planted
    ;;
02_dates)
    succeeds --steps 3 --batch 4 --dates 8 --save "$work/weights" --report "$work/page.html"
    run --load "$work/weights" --ask '3 May 1979' --heads
    [ "$status" -le 1 ] && [ -s "$work/out" ] || fail "--ask: exit status $status: $(cat "$work/err")" # 1: no date, as yet
    ;;
05_seq2seq)
    succeeds --steps 3 --batch 4 --examples 8 --hidden 16 --save "$work/weights" --report "$work/page.html"
    succeeds --load "$work/weights" --ask '3 May 1979' --beam 2
    ;;
06_tiny_transformer)
    head -c 10000 "$0" >"$work/text"
    succeeds --text "$work/text" --steps 4 --save "$work/weights" --report "$work/page.html"
    succeeds --load "$work/weights" --prompt set --tokens 20
    ;;
07_sort)
    succeeds --steps 4 --report "$work/page.html"
    succeeds --steps 4 --task next
    ;;
08_addition) succeeds --digits 1 --steps 2 --report "$work/page.html" ;;
09_induction) succeeds --steps 1 --report "$work/page.html" ;;
10_heads)
    for lesson in heads scale places words; do # not off: minutes
        succeeds --lesson $lesson --steps 1
    done
    ;;
*) fail "is not known here" ;;
esac

echo "briefly: $name: all is well"
