#!/bin/sh
# Installs into a temporary folder, compiles an example against that copy with what pkg-config says and nothing else,
# runs it, uninstalls, and looks for leftovers.
#
#   sh tests/install.sh              MAKE and CC from the environment
set -eu

MAKE=${MAKE:-make}
CC=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fail() { echo "installed copy: $*" >&2; exit 1; }

prefix=$work/usr
$MAKE --no-print-directory install PREFIX="$prefix"

ask() { PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config "$@" heed; }
ask --exists || fail "pkg-config does not know heed"

"$prefix/bin/heed-lens" --help | grep -q RECORDING || fail "the installed heed-lens does not run"

# The example lies outside the tree, where nothing but the installed copy can be found.
mkdir "$work/common"
cp examples/03_new_layer.c "$work"
cp examples/common/*.[ch] "$work/common"
flags=$(ask --cflags --libs)
json=$(pkg-config --cflags --libs jansson) # what the examples share reads recordings, whose index is JSON
(cd "$work" && $CC *.c common/*.c $flags $json -o example) || fail "the example does not compile with: $flags $json"
(cd "$work" && LD_LIBRARY_PATH=$prefix/lib ./example >output) || fail "the example, linked to the shared library, exits with $?"
[ -s "$work/output" ] || fail "the example prints nothing"
readelf -d "$work/example" | grep -q 'NEEDED.*libheed\.so\.0' || fail "the example does not ask for libheed.so.0"

# Statically, by pkg-config's list for that: the folder then holds no shared library to fall back on.
mkdir "$work/static"
cp "$prefix/lib/libheed.a" "$work/static"
(cd "$work" && $CC *.c common/*.c $(ask --cflags) -L"$work/static" $(ask --static --libs |
    sed "s|-L$prefix/lib||") -o example_static) || fail "the example does not link statically"
(cd "$work" && ./example_static >output_static) || fail "the statically linked example exits with $?"

# So do the README's lines of C.
awk '/^```c$/ {inside = 1; next} /^```/ {inside = 0} inside' README.md >"$work/readme_lines.c"
mkdir "$work/readme"
(cd "$work/readme" && $CC ../readme_lines.c $flags -o lines && LD_LIBRARY_PATH=$prefix/lib ./lines >output) ||
    fail "the README's lines do not build and run"
tail -n 1 "$work/readme/output" | grep -q 'step 300 *loss 0\.00' || fail "the README's lines end with: $(tail -n 1 "$work/readme/output")"

# Every name the library exports is its own.
foreign=$(nm -D --defined-only "$prefix/lib/libheed.so" | awk '$2 ~ /[A-Z]/ && $3 !~ /^_?heed_/ && $3 !~ /^_(init|fini)$/ {print $3}')
[ -z "$foreign" ] || fail "exported without the heed_ prefix: $(echo $foreign)"

$MAKE --no-print-directory uninstall PREFIX="$prefix"
left=$(find "$prefix" ! -type d; find "$prefix" -name '*heed*')
[ -z "$left" ] || fail "uninstall left $left"

# A package is built the same way: staged under DESTDIR, its paths as they will be.
$MAKE --no-print-directory install DESTDIR="$work/stage" PREFIX=/usr >/dev/null
grep -q '^prefix=/usr$' "$work/stage/usr/lib/pkgconfig/heed.pc" || fail "heed.pc names the staging folder"
$MAKE --no-print-directory uninstall DESTDIR="$work/stage" PREFIX=/usr
[ -z "$(find "$work/stage" ! -type d)" ] || fail "uninstall left files under DESTDIR"

echo "installed copy: found by pkg-config, example built (shared and static) and run, uninstalled without a trace"
