#!/bin/sh
# Puts the page of the lens together from its sources and writes it as C to standard output: all that stands before the
# numbers, and all that stands behind them (page_internal.h).
#
#   sh framework/lens/embed.sh FOLDER
#
# FOLDER holds page.html, with @CSP@, @STYLE@, @DATA@ and @SCRIPT@ once each, style.css, and the scripts that `order` names,
# a line each. The Content-Security-Policy allows only the style and the script whose SHA-256 are those of the very bytes
# that end up between the tags.
set -eu
export LC_ALL=C

viewer=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fail() { echo "embed.sh: $*" >&2; exit 1; }

# A file's text ends in a newline, so that one script's last line and the next one's first stay apart.
text() { awk '{print}' "$viewer/$1" || fail "cannot read $viewer/$1"; }

text style.css >"$work/STYLE"
while read -r name; do
    [ -z "$name" ] || text "$name"
done <"$viewer/order" >"$work/SCRIPT"

# What would end the element early, or be changed by the browser before it is hashed.
refuse() {
    ! grep -qi "$2" "$work/$1" || fail "the $3 contains \"$2\", at which the page's element would end"
    ! grep -q "$(printf '\r')" "$work/$1" || fail "the $3 contains carriage returns, which browsers take out"
}
refuse STYLE '</style' 'style sheet'
refuse SCRIPT '</script' 'scripts'
refuse SCRIPT '<!--' 'scripts'

# 'sha256-' and the 32 bytes in base64: 64 hexadecimal digits, 3 of them for 2 characters; the last 32 bits are padded.
hash_of() {
    sha256sum <"$1" | awk '{
        digits = "0123456789abcdef"
        table = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        hex = substr($1, 1, 64) "00"
        for (i = 1; i <= 64; i += 3) {
            n = 0
            for (j = 0; j < 3; j++)
                n = n * 16 + index(digits, substr(hex, i + j, 1)) - 1
            out = out substr(table, int(n / 64) + 1, 1) substr(table, n % 64 + 1, 1)
        }
        print substr(out, 1, 43) "="
    }'
}
script=$(hash_of "$work/SCRIPT")
style=$(hash_of "$work/STYLE")
[ ${#script} = 44 ] && [ ${#style} = 44 ] || fail "no SHA-256: is sha256sum there?"
printf "default-src 'none'; script-src 'sha256-%s'; style-src 'sha256-%s'; img-src data: blob:" "$script" "$style" >"$work/CSP"

# The template, cut at its marks: the pieces in piece.0, piece.1, ..., the marks between them in their order.
marks=$(text page.html | awk -v work="$work" '
    {all = all $0 "\n"}
    END {
        for (n = 0; match(all, /@[A-Z]+@/); n++) {
            printf "%s", substr(all, 1, RSTART - 1) >(work "/piece." n)
            print substr(all, RSTART + 1, RLENGTH - 2)
            all = substr(all, RSTART + RLENGTH)
        }
        printf "%s", all >(work "/piece." n)
    }')
[ "$(echo "$marks" | sort | tr '\n' ' ')" = 'CSP DATA SCRIPT STYLE ' ] ||
    fail "$viewer/page.html must hold @CSP@, @STYLE@, @DATA@ and @SCRIPT@ once each; it holds: $(echo $marks)"

n=0 part=before
: >"$work/before"
: >"$work/after"
for mark in $marks; do
    cat "$work/piece.$n" >>"$work/$part"
    n=$((n + 1))
    if [ "$mark" = DATA ]; then part=after; else cat "$work/$mark" >>"$work/$part"; fi
done
cat "$work/piece.$n" >>"$work/$part"

# As numbers: a string of this length is more than C promises to take.
array() {
    echo "const unsigned char lens_page_$1[] = {"
    od -An -v -tu1 "$work/$1" | awk '{gsub(/[0-9]+/, "&,"); gsub(/ +/, ""); print}'
    echo '};'
    echo "const size_t lens_page_$1_bytes = sizeof lens_page_$1;"
}
echo '/* Made by framework/lens/embed.sh. */'
echo '#include "page_internal.h"'
array before
array after
