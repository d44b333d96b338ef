#!/bin/sh
# Kills a recorded training with -9 again and again, at any moment: what was recorded until then must open, with every frame whole.
# sh tests/record_killed.sh PROGRAM [KILLS]
set -u
program=$1
kills=${2:-12}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "record_killed: $*" >&2
    exit 1
}

most=0 opened=0 kill=0
while [ $kill -lt "$kills" ]; do
    rm -rf "$work/run"
    "$program" "$work/run" 1000000 >"$work/out" 2>&1 &
    child=$!
    sleep "0.$(((kill * 37 + 11) % 40 + 10))"
    kill -9 $child 2>/dev/null || fail "it ended by itself: $(cat "$work/out")"
    wait $child 2>/dev/null
    kill=$((kill + 1))
    # Before the first line there is nothing to be opened.
    grep -q . "$work/run/index.jsonl" 2>/dev/null || continue
    seen=$("$program" "$work/run") || fail "after kill $kill it does not open"
    frames=${seen%% *} step=${seen##* }
    [ "$frames" -ge 1 ] && [ "$frames" -le 12 ] || fail "after kill $kill: $seen"
    opened=$((opened + 1))
    [ "$step" -le "$most" ] || most=$step
done
[ "$opened" -gt 0 ] && [ "$most" -gt 100 ] || fail "it was killed too early each time: $opened recordings, at most $most steps"
whole=$("$program" "$work/run" 200) || fail "the folder cannot be recorded into again"
other=$("$program" "$work/other" 200) || fail "recording fails"
[ "$whole" = "$other" ] || fail "hashes differ: $whole, $other"
seen=$("$program" "$work/run")
case $seen in
*"step 200, the end") ;;
*) fail "the whole recording: $seen" ;;
esac
[ "$(ls "$work/run" | grep -c tmp)" -eq 0 ] || fail "half-written files are left in a whole recording"
echo "record_killed: killed $kills times, at up to step $most: $opened recordings open, all their frames whole"
