#!/bin/sh
# Kills a training with -9 again and again while it writes its checkpoints, takes it up each time, and holds it to one that
# nobody killed: sh tests/resume_killed.sh PROGRAM [KILLS]
set -u
program=$1
kills=${2:-8}
steps=120
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "resume_killed: $*" >&2
    exit 1
}

whole=$("$program" "$work/whole" $steps) || fail "the training fails"
for how in '' later; do
    file="$work/killed$how"
    done_before=0 kill=0
    while [ $kill -lt "$kills" ]; do
        "$program" "$file" $steps $how >"$work/out" 2>&1 &
        child=$!
        sleep "0.0$(((kill * 37 + 11) % 90 + 10))"
        kill -9 $child 2>/dev/null
        wait $child 2>/dev/null
        kill=$((kill + 1))
        [ -e "$file" ] || continue
        at=$("$program" "$file") || fail "after kill $kill: the file is no good"
        [ "$at" -ge "$done_before" ] || fail "after kill $kill: step $at, but it had been at $done_before"
        done_before=$at
    done
    [ "$done_before" -gt 0 ] || fail "it was killed before it had saved once"
    left=$(ls "$work" | grep -c '\.tmp$')
    resumed=$("$program" "$file" $steps $how) || fail "the last part fails"
    [ "$resumed" = "$whole" ] || fail "resumed: $resumed; never stopped: $whole"
    echo "resume_killed: killed $kills times${how:+, files written by a thread}, last at step $done_before of $steps, $left files half" \
         "written: hash $resumed, as never stopped"
    rm -f "$work"/*.tmp
done
