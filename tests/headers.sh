#!/bin/sh
# Compiles every public header alone, as strict C11 and as C++, then links a C++ program that names every function the
# headers declare: one that is declared and not defined, or that C++ cannot reach, is found here.
#
#   sh tests/headers.sh BUILD        after a build in BUILD; CC and CXX from the environment
set -eu

build=$1
CC=${CC:-cc}
CXX=${CXX:-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

count=0
failed=0
for header in $(cd "$build/include" && find heed -name '*.h' | sort); do
    count=$((count + 1))
    printf '#include <%s>\nint not_empty;\n' "$header" >"$work/alone.c"
    cp "$work/alone.c" "$work/alone.cc"
    $CC -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wvla -Werror -I"$build/include" \
        -fsyntax-only "$work/alone.c" || { echo "$header does not stand alone as C11" >&2; failed=1; }
    $CXX -std=c++17 -Wall -Wextra -Werror -I"$build/include" \
        -fsyntax-only "$work/alone.cc" || { echo "$header does not stand alone as C++" >&2; failed=1; }
done
[ "$count" -gt 0 ] || { echo "no headers in $build/include" >&2; exit 1; }
[ "$failed" = 0 ] || exit 1

# gcc lists every declaration with the file it stands in: `/* build/include/heed/x.h:7:NC */ extern int heed_f (int);`
echo '#include <heed/heed.h>' >"$work/all.c"
gcc -std=c11 -I"$build/include" -fsyntax-only -aux-info "$work/declared" "$work/all.c"
sed -n 's|^/\* [^ ]*include/heed/[^ ]*:NC \*/ extern [^(]*[ *]\(heed_[a-z0-9_]*\) (.*|\1|p' "$work/declared" | sort -u >"$work/names"
{
    echo '#include <heed/heed.h>'
    echo 'typedef void (*function)();'
    echo 'function every_function[] = {'
    sed 's/.*/    reinterpret_cast<function>(&),/' "$work/names"
    echo '};'
    echo 'int main() { return every_function[0] == nullptr; }'
} >"$work/link.cc"
$CXX -std=c++17 -I"$build/include" "$work/link.cc" -L"$build" -lheed -o "$work/link"
LD_LIBRARY_PATH=$build "$work/link"

echo "$count headers stand alone as C11 and as C++; $(wc -l <"$work/names") functions link from C++"
