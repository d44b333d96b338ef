# What the tests of the examples' command lines share. Sourced, with the program's path in $program; makes $work, a folder
# that goes when the test ends, with the child in $child, if there is one.
set -u
name=$(basename "$program")
work=$(mktemp -d)
child=
trap '[ -z "$child" ] || kill -KILL "$child" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fail() { echo "$(basename "$0" .sh): $name $*" >&2; exit 1; }
run() { "$program" "$@" >"$work/out" 2>"$work/err" </dev/null; status=$?; }
lines() { wc -l <"$1" | tr -d ' '; }

# One line to stderr, nothing to stdout, status 2.
refuses() {
    run "$@"
    [ "$status" = 2 ] || fail "$*: exit status $status, not 2"
    [ "$(lines "$work/err")" = 1 ] || fail "$*: not one line on stderr: $(cat "$work/err")"
    grep -q "^$name: ." "$work/err" || fail "$*: $(cat "$work/err")"
    [ ! -s "$work/out" ] || fail "$*: something on stdout"
}

# --help names each of these options, and all is well.
helps() {
    run --help
    [ "$status" = 0 ] && [ ! -s "$work/err" ] || fail "--help: exit status $status"
    for option; do
        grep -q -- "--$option " "$work/out" || fail "--help does not name --$option"
    done
}

# records OPTIONS: --record and --report keep a short training, and change nothing of it, on one thread or two. Where the
# program has --save, saves is yes.
saves=no
timeless() { sed 's/ took [0-9.]* s/ took some s/' "$1" >"$1.timeless" && mv "$1.timeless" "$1"; }
keeps() { # keeps OPTIONS: it is quiet, and ends with the line and the weights of the training that was not kept
    rm -f "$work/weights"
    [ "$saves" = no ] || set -- "$@" --save "$work/weights"
    succeeds "$@" --quiet
    timeless "$work/out"
    cmp -s "$work/out" "$work/unkept" || fail "$*: $(cat "$work/out"), not $(cat "$work/unkept")"
    [ "$saves" = no ] || cmp -s "$work/weights" "$work/unkept.weights" || fail "$*: other weights"
}
records() {
    run --help
    for option in 'record DIR' 'report FILE'; do
        grep -q -- "--$option " "$work/out" || fail "--help does not name --$option"
    done
    if [ "$saves" = no ]; then
        succeeds "$@" --threads 1 --quiet
    else
        succeeds "$@" --threads 1 --quiet --save "$work/unkept.weights"
    fi
    timeless "$work/out"
    mv "$work/out" "$work/unkept"
    rm -rf "$work/kept" "$work/page.html.recording"
    keeps "$@" --threads 1 --record "$work/kept"
    cp -R "$work/kept" "$work/page.html.recording" # as of another page before: it gives way
    keeps "$@" --threads 2 --report "$work/page.html"
    for folder in "$work/kept" "$work/page.html.recording"; do
        head -n 1 "$folder/index.jsonl" | grep -q '^{"heed_recording":1,' && tail -n 1 "$folder/index.jsonl" | grep -qx '{"end":{.*}}' ||
            fail "$*: the recording $folder is not whole"
    done
    lens=$(dirname "$program")/../heed-lens
    "$lens" "$work/kept" --list >"$work/out" 2>&1 && grep -q '^loss\|^  loss ' "$work/out" || fail "$*: heed-lens: $(cat "$work/out")"
    grep -q '^<!DOCTYPE html>' "$work/page.html" && grep -q 'id="heed-data"' "$work/page.html" || fail "$*: no page"
    mkdir -p "$work/used"
    : >"$work/used/letter"
    rm -f "$work/weights"
    for wrong in "--record $work/used" "--record $work/kept" "--record $work/used/letter" "--record $work/none/kept/here" \
                 "--report $work/none/page.html" "--report $work/used"; do
        refuses "$@" $wrong
    done
    [ "$(ls "$work/used")" = letter ] && [ ! -e "$work/weights" ] || fail "a recording that was refused left something"
}

# profiles OPTIONS: --profile and --trace measure a short training, and change nothing of what records saw of it.
profiles() {
    [ "$saves" = no ] || set -- "$@" --save "$work/weights"
    run "$@" --threads 1 --quiet --profile --trace "$work/trace.json"
    [ "$status" = 0 ] && grep -q '^a step: [0-9.]* ms, the mean of [0-9]*$' "$work/err" || fail "--profile: $status, $(cat "$work/err")"
    [ -z "$(LC_ALL=C tr -d '\200-\277' <"$work/err" | awk 'length($0) > 80')" ] || fail "--profile: a line is too long"
    timeless "$work/out"
    cmp -s "$work/out" "$work/unkept" || fail "--profile: $(cat "$work/out"), not $(cat "$work/unkept")"
    [ "$saves" = no ] || cmp -s "$work/weights" "$work/unkept.weights" || fail "--profile: other weights"
    head -n 1 "$work/trace.json" | grep -q '^{.*"traceEvents":\[$' && tail -n 1 "$work/trace.json" | grep -qx ']}' ||
        fail "--trace: $(head -n 1 "$work/trace.json")"
    refuses "$@" --trace "$work/none/trace.json"
}

# What a run shows of its frames, at least $1 of them, is what heed-lens shows of its recording.
replays() {
    least=$1
    shift
    rm -rf "$work/live"
    succeeds "$@" --threads 1 --record "$work/live"
    mv "$work/out" "$work/shown"
    steps=$(sed -n 's/^step \([0-9]*\)   loss .*this probe.s.*/\1/p' "$work/shown")
    [ "$(echo "$steps" | wc -l)" -ge "$least" ] || fail "$*: frames of steps $steps are shown"
    for step in $steps; do
        "$(dirname "$program")/../heed-lens" "$work/live" --terminal --step "$step" | tail -n +3 >"$work/replayed"
        first=$(grep -nxF "$(head -n 1 "$work/replayed")" "$work/shown" | cut -d: -f1)
        tail -n "+$first" "$work/shown" | head -n "$(lines "$work/replayed")" | cmp -s - "$work/replayed" ||
            fail "$*: step $step is replayed otherwise: $(cat "$work/replayed")"
    done
}

# All is well, and what was printed is free of escapes, as it is to be where there is no terminal.
succeeds() {
    run "$@"
    [ "$status" = 0 ] && [ ! -s "$work/err" ] || fail "$*: exit status $status: $(cat "$work/err")"
    ! grep -q "$(printf '\033')" "$work/out" || fail "$*: escapes where there is no terminal"
}
