#!/bin/sh
# The command lines of the lessons 01 and 07 to 10: what they refuse and how, and a training too short to learn much, whose last
# line is its figure, with any number of threads; and of the samples 03 and 04, which learn all they can.
#
#   sh tests/lessons_cli.sh PROGRAMS
set -u
[ $# -le 1 ] || { for each; do sh "$0" "$each" || exit 1; done; exit 0; }
program=$1
. "$(dirname "$0")/cli_common.sh"

for wrong in --nonsense -z word --steps '--steps 0' '--steps 1x' '--seed -1' '--threads 257' --quiet=1; do
    refuses $wrong
done
helps threads quiet
case $name in 0[34]_*) ;; *) helps steps seed ;; esac

# ends LINE OPTIONS: the last line is LINE, a pattern, all that --quiet prints, and the same on two threads; a lesson has
# more than `least` lines.
least=25
ends() {
    line=$1
    shift
    succeeds "$@" --threads 1
    [ "$(lines "$work/out")" -gt "$least" ] || fail "$*: the lesson is short"
    ! grep -q nan "$work/out" || fail "$*: a number is none"
    [ -z "$(awk 'length($0) > 3 * 79' "$work/out")" ] || fail "$*: a line is too long"
    tail -n 1 "$work/out" >"$work/said"
    grep -qx "$line" "$work/said" || fail "$*: $(cat "$work/said")"
    succeeds "$@" --threads 2 --quiet
    cmp -s "$work/out" "$work/said" || fail "$* --quiet: $(cat "$work/out"), not $(cat "$work/said")"
}

# tells LESSON LINE: that lesson's last line is "LESSON: LINE", a pattern; it is noted in "told".
tells() {
    succeeds --lesson "$1" --steps 2 --threads 1
    [ "$(lines "$work/out")" -gt 18 ] || fail "--lesson $1: it is short"
    ! grep -q nan "$work/out" || fail "--lesson $1: a number is none"
    wide=$(LC_ALL=C tr -d '\200-\277' <"$work/out" | awk 'length($0) > 79') # a byte a character
    [ -z "$wide" ] || fail "--lesson $1: too wide: $wide"
    tail -n 1 "$work/out" >"$work/said"
    grep -qx "$1: $2" "$work/said" || fail "--lesson $1: $(cat "$work/said")"
    cat "$work/said" >>"$work/told"
}

case $name in
03_new_layer)
    least=12
    ends 'step 300   mean squared error 0.000[0-9]'
    records
    profiles
    ;;
04_new_op)
    least=12
    ends 'step 400   mean squared error 0.000[0-9]   of 2048 weights 2[56][0-9] are not zero' # each token looks at one
    records
    profiles
    ;;
01_glass_box)
    records --steps 20
    profiles --steps 20
    succeeds --steps 20 --curvature --record "$work/curved"
    [ "$(grep -c '"largest Hessian eigenvalue":[0-9]' "$work/curved/index.jsonl")" = 20 ] ||
        fail "--curvature: the recording has not one eigenvalue a step"
    for wrong in "--task planted --curvature" "--task planted --record $work/new" "--task planted --report $work/new.html" '--task none'; do
        refuses $wrong
    done
    ;;
07_sort)
    for wrong in '--task x' '--values 1' '--values 11' '--length 13' '--task next --length 6'; do
        refuses $wrong
    done
    ends 'held-out inputs sorted: [0-9.]* % of 5,000 drawn from the 167 there are' --steps 20
    ends 'held-out inputs sorted: [0-9.]* % of 5,000' --steps 2 --values 10 --length 12
    ends '[0-9]*/15 rows have .* on the superdiagonal; right: [0-9.]* % of 5,000' --task next --steps 40
    records --steps 4
    profiles --steps 4
    records --task next --steps 30
    profiles --task next --steps 30
    ;;
08_addition)
    for wrong in '--digits 0' '--digits 5' '--digits two'; do
        refuses $wrong
    done
    for digits in 1 2 3 4; do
        ends "held-out sums of $digits digits exact: [0-9,]* of 5,000, [0-9.]* %" --digits $digits --steps 5
    done
    records --steps 4
    profiles --steps 4
    ;;
09_induction)
    for wrong in '--shortest 1' '--longest 49' '--shortest 20 --longest 10' '--heads 3' '--heads 9'; do
        refuses $wrong
    done
    score='[01]\.[0-9][0-9]'
    ends "loss on repeats: 2 layers [0-9.]*, 1 layer [0-9.]*; previous token $score, matching $score" --steps 3
    ends "loss on repeats: .*" --steps 3 --heads 8 --shortest 16 --longest 16
    records --steps 3
    profiles --steps 3
    ;;
10_heads)
    helps lesson
    for wrong in '--lesson none' '--lesson' '--lesson=' '--lesson heads off' '--heads 4'; do
        refuses $wrong
    done
    percent='[0-9.]* %'
    small='[0-9.]*e-[0-9]*'
    : >"$work/told"
    tells heads "exact $percent with 1, $percent with 4; parameters 285,674 and 285,674"
    tells off "exact $percent, $percent without [a-z_.01]* head [0-3]; true words 0.[0-9]*"
    tells scale "d_k 256 without √d_k: variance 25[0-9.]*, right $percent; with: [01].[0-9]*, $percent"
    tells places "shuffled [0-9.]*e-0[78] apart, with places $small; order told 50.0 %, $percent"
    tells words "32 outputs of 4 words by hand and by layer, largest difference [0-9.]*e-0[78]"
    succeeds --steps 2 --threads 2 --quiet
    cmp -s "$work/out" "$work/told" || fail "--quiet: $(cat "$work/out"), not $(cat "$work/told")"
    records --lesson off --steps 1
    profiles --lesson off --steps 1
    grep -q '"ablation":.*"path":"decoder.1.cross_attn","head":3,' "$work/kept/index.jsonl" || fail "no ablations"
    for lesson in scale places words; do
        refuses --lesson $lesson --record "$work/new"
        refuses --lesson $lesson --report "$work/new.html"
    done
    ;;
*) fail "is not known here" ;;
esac

echo "lessons_cli: $name: options, and a short lesson with its figure: all as promised"
