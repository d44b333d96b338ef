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

# All is well, and what was printed is free of escapes, as it is to be where there is no terminal.
succeeds() {
    run "$@"
    [ "$status" = 0 ] && [ ! -s "$work/err" ] || fail "$*: exit status $status: $(cat "$work/err")"
    ! grep -q "$(printf '\033')" "$work/out" || fail "$*: escapes where there is no terminal"
}
