#!/bin/sh
# Finds what a build needs and, where it may, installs what is missing.
#
#   sh .ci/setup.sh FOLDER NEED...
#
# A need is found by trying it (a program is compiled and linked), not by asking a package manager, so a library in an
# unusual place counts. How it was found is left in FOLDER/NEED.cflags and FOLDER/NEED.libs, which the Makefile hands to
# the compiler. Read from the environment: CC, CXX, FLAGS (the user's, in shell syntax), MODE_FLAGS (those that name a
# sanitizer), PKG_CONFIG, CHROMIUM (its program), SETUP (no: never install).
set -u

folder=$1
shift
CC=${CC:-cc}
CXX=${CXX:-c++}
FLAGS=${FLAGS:-}
MODE_FLAGS=${MODE_FLAGS:-}
PKG_CONFIG=${PKG_CONFIG:-pkg-config}
work=$folder/try.$$
mkdir -p "$work" || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

say() { printf 'heed: %s\n' "$*"; }

# Does this program, read from standard input, compile and link with these options?
links() {
    cat >"$work/try.c"
    eval "$CC $FLAGS" '"$work/try.c" -o "$work/try" "$@"' >"$work/log" 2>&1
}

is_clang() { $CC --version 2>/dev/null | grep -q clang; }

# Writes $1.cflags and $1.libs: pkg-config's answer, else -l$2 alone (also when there is no pkg-config); $2 is $1 if not given.
locate() {
    cflags=$("$PKG_CONFIG" --cflags "$1" 2>/dev/null) && libs=$("$PKG_CONFIG" --libs "$1" 2>/dev/null) || {
        cflags=''
        libs=-l${2:-$1}
    }
    printf '%s\n' "$cflags" >"$folder/$1.cflags"
    printf '%s\n' "$libs" >"$folder/$1.libs"
}

# A Chromium that shows a page without a screen; its name is left in FOLDER/chromium.path.
find_chromium() {
    for each in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
        [ -n "$each" ] && command -v "$each" >/dev/null || continue
        "$each" --headless --no-sandbox --disable-gpu --user-data-dir="$work/profile" \
            --dump-dom 'data:text/html,<p>it shows pages' >"$work/log" 2>&1 || continue
        grep -q '<p>it shows pages' "$work/log" || continue
        command -v "$each" >"$folder/chromium.path"
        return 0
    done
    return 1
}

has() {
    case $1 in
    make) command -v make >/dev/null ;;
    cc) echo '#include <math.h>
int main(int argc, char **argv) { (void)argv; return sqrt(argc) < 0; }' | links -lm ;;
    cxx) echo '#include <cmath>
int main() { return 0; }' >"$work/try.cc" && $CXX "$work/try.cc" -o "$work/try" >"$work/log" 2>&1 ;;
    pkg-config) command -v "$PKG_CONFIG" >"$work/log" 2>&1 ;;
    openmp) echo '#include <omp.h>
int main(void) { return omp_get_max_threads() < 1; }' | links -fopenmp ;;
    sanitizer) echo 'int main(void) { return 0; }' | links $MODE_FLAGS ;;
    jansson) locate jansson && echo '#include <jansson.h>
int main(void) { json_decref(json_integer(0)); return 0; }' | links "@$folder/jansson.cflags" "@$folder/jansson.libs" ;;
    libpcre2-8) locate libpcre2-8 pcre2-8 && echo '#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
int main(void) { pcre2_code_free(0); return 0; }' | links "@$folder/libpcre2-8.cflags" "@$folder/libpcre2-8.libs" ;;
    zlib) locate zlib z && echo '#include <zlib.h>
int main(void) { return crc32_z(0, 0, 0) != 0; }' | links "@$folder/zlib.cflags" "@$folder/zlib.libs" ;;
    criterion) locate criterion && echo '#include <criterion/criterion.h>
Test(a_suite, a_test) { cr_assert(1); }' | links "@$folder/criterion.cflags" "@$folder/criterion.libs" ;;
    node) node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' >"$work/log" 2>&1 &&
        npm --version >>"$work/log" 2>&1 ;;
    chromium) find_chromium ;;
    aarch64) echo 'int main(void) { return 0; }' >"$work/try.c" &&
        aarch64-linux-gnu-gcc -fopenmp "$work/try.c" -o "$work/try" >"$work/log" 2>&1 &&
        qemu-aarch64 -L /usr/aarch64-linux-gnu "$work/try" >>"$work/log" 2>&1 ;;
    *)
        say "no such need: $1" >&2
        exit 2
        ;;
    esac
}

# The packages of Debian and Ubuntu that bring a need. clang-15 wants libomp-15-dev, plain clang libomp-dev.
packages() {
    compiler=${CC##*/}
    compiler=${compiler%% *}
    case $compiler in
    clang*) suffix=${compiler#clang} ;;
    *) suffix='' compiler=gcc ;;
    esac
    case $1 in
    make) echo make ;;
    cc) echo "$compiler libc6-dev" ;;
    cxx) echo g++ ;;
    pkg-config) echo pkg-config ;;
    openmp) [ "$compiler" = gcc ] && echo gcc || echo "libomp$suffix-dev" ;;
    # Older releases ship the runtime with clang itself and have no package of that name.
    sanitizer) [ "$compiler" = gcc ] && echo gcc || {
        echo "$compiler"
        apt-cache show "libclang-rt$suffix-dev" >/dev/null 2>&1 && echo "libclang-rt$suffix-dev"
    } ;;
    jansson) echo libjansson-dev ;;
    libpcre2-8) echo libpcre2-dev ;;
    zlib) echo zlib1g-dev ;;
    criterion) echo libcriterion-dev ;;
    node) echo nodejs && { command -v npm >/dev/null || echo npm; } ;;
    chromium) echo chromium fonts-dejavu-core ;;
    aarch64) echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user ;;
    esac
}

name() {
    case $1 in
    cc) echo "a C compiler ($CC)" ;;
    cxx) echo "a C++ compiler ($CXX)" ;;
    openmp) echo "OpenMP for $CC" ;;
    sanitizer) echo "the sanitizer's runtime for $CC" ;;
    criterion) echo Criterion ;;
    libpcre2-8) echo PCRE2 ;;
    node) echo 'Node.js 18 or later, with npm' ;;
    aarch64) echo 'a compiler for aarch64, and QEMU to run what it makes' ;;
    chromium) echo 'Chromium (which the tests of the page drive; or set CHROMIUM to one)' ;;
    *) echo "$1" ;;
    esac
}

# Flags that the compiler refuses would make everything look missing.
echo 'int main(void) { return 0; }' >"$work/plain.c"
if $CC "$work/plain.c" -o "$work/try" 2>/dev/null && ! links <"$work/plain.c"; then
    cat "$work/log" >&2
    say "$CC does not take these flags: $FLAGS" >&2
    exit 1
fi

missing=''
names=''
for need; do
    has "$need" && continue
    missing="$missing $need"
    names="$names${names:+, }$(name "$need")"
done
[ -n "$missing" ] || exit 0

stop() {
    say "missing: $names." >&2
    say "$1" >&2
    exit 1
}

wanted() { for need in $missing; do packages "$need"; done | tr ' ' '\n' | sort -u | tr '\n' ' '; }

command -v apt-get >/dev/null ||
    stop "install it with this system's package manager, then run make again."

install="apt-get install -y --no-install-recommends"
if [ "$(id -u)" = 0 ]; then
    become=''
elif [ "${SETUP:-}" != no ] && sudo -n true 2>/dev/null; then
    become=sudo
else
    become=none
fi
if [ "${SETUP:-}" = no ] || [ "$become" = none ]; then
    [ "$(id -u)" = 0 ] && prefix='' || prefix='sudo '
    stop "to install: ${prefix}apt-get update && ${prefix}$install $(wanted)"
fi

# A fresh machine may still be busy with its own updates: wait for its lock. apt's chatter is shown only if it fails.
quietly() {
    $become env DEBIAN_FRONTEND=noninteractive "$@" </dev/null >>"$work/apt" 2>&1
}
say "missing: $names; installing with apt-get, which takes a minute ..."
quietly apt-get -o DPkg::Lock::Timeout=300 update
quietly apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $(wanted) || {
    tail -n 12 "$work/apt" >&2
    stop "apt-get could not install $(wanted)"
}
for need in $missing; do
    has "$need" && continue
    cat "$work/log" >&2
    stop "$(name "$need") does not work though it is installed; the words above say why."
done
say "installed $(wanted)"
