#!/bin/sh
# The command line of heed-lens on a recording that was written by hand: what it refuses and how, the page and its policy,
# pictures, numbers for other programs, the replay.
#
#   sh tests/lens_cli.sh PROGRAM       (tests/recorded lies beside it)
program=$1
. "$(dirname "$0")/cli_common.sh"

r=$work/run
"$(dirname "$program")/tests/recorded" "$r" 12 || fail "no recording to look at"
out=$work/x

# ---- what it refuses: status 2, one line that says what is wrong, and no file ----
says() {
    expected=$1
    shift
    refuses "$@"
    grep -qF -- "$expected" "$work/err" || fail "$*: says $(cat "$work/err")"
    [ ! -e "$out" ] || fail "$*: left a file"
}
says 'which RECORDING?' -o "$out"
says 'where to?' "$r"
for one in --list --terminal '--svg attention' --bertviz; do
    says '"more": '"$one is of one recording" "$r" more $one
done
for both in '--list --terminal' '--svg curve --npy x' '--bertviz --safetensors'; do
    says 'one thing at a time' "$r" $both -o "$out"
done
for idle in '--head 1' '--layer attn' '--step 1' '--log' '--list --title x' '--npy x --head 1' '--svg curve --param x' \
            '--svg matrix --language en --param x' '--terminal'; do
    says 'does nothing for' "$r" $idle -o "$out"
done
for wrong in --nonsense -z --svg '--svg map' '--head -1' '--head 1x' '--step 0' '--of w' '--bytes 0' '--title='; do
    refuses "$r" -o "$out" $wrong
done
says '--layer "x": the recording has none of that name; there are: attn, dec.cross' "$r" --svg attention --layer x -o "$out"
says '--probe "x": the recording has none of that name; there are: question' "$r" --bertviz --probe x -o "$out"
says '--head 2: attn has 2 heads, 0 to 1' "$r" --svg attention --head 2 -o "$out"
says '--head 1: dec.cross has 1 head, 0 to 0' "$r" --svg attention --layer dec.cross --head 1 -o "$out"
says 'the nearest are those of steps 1 and 11' "$r" --svg attention --step 5 -o "$out"
says 'the last is that of step 111' "$r" --safetensors --step 500 -o "$out"
says 'There are: attn.w_q, attn.w_k, attn.w_v, w_o.weight' "$r" --svg matrix -o "$out"
says 'there are: attn.w_q, attn.w_k, attn.w_v, w_o.weight' "$r" --svg matrix --param w -o "$out"
says 'there are: loss, probe.question.loss' "$r" --svg curve --scalar loss,los -o "$out"
says 'there are: param/attn.w_q, ' "$r" --npy attn.w_q -o "$out"
says 'it must be en or ru' "$r" --language de -o "$out"
says 'most_bytes is 5000' "$r" --bytes 5000 -o "$out"

# What cannot be read or written: status 1 or 2, one line, nothing left.
mkdir "$work/empty"
"$(dirname "$program")/tests/recorded" "$work/none" 0
for recording in "$work/nowhere" "$work/empty" "$work/none"; do
    for action in "-o $out" "--safetensors -o $out" "--terminal"; do
        run "$recording" $action
        [ "$status" != 0 ] && [ "$(lines "$work/err")" = 1 ] && grep -qF "$recording" "$work/err" || fail "$recording $action: $(cat "$work/err")"
        [ ! -e "$out" ] || fail "$recording $action: left a file"
    done
done
for recording in "$work/nowhere" "$work/empty" "$work/none"; do
    run "$r" "$recording" -o "$out"
    [ "$status" != 0 ] && [ "$(lines "$work/err")" = 1 ] && grep -qF "$recording" "$work/err" || fail "$recording second: $(cat "$work/err")"
    [ ! -e "$out" ] || fail "$recording second: left a file"
done
for action in '' '--svg attention' '--svg matrix --param attn.w_q' '--svg curve' '--npy param/attn.w_q' --safetensors --bertviz; do
    run "$r" $action -o "$work/no/x"
    [ "$status" = 1 ] && [ "$(lines "$work/err")" = 1 ] && grep -qF "$work/no/x" "$work/err" || fail "$action to nowhere: $(cat "$work/err")"
done

helps output list terminal svg npy safetensors bertviz step probe layer head param of scalar log title language bytes

# ---- the page ----
page=$work/page.html
succeeds "$r" -o "$page"
grep -q ', 12 of 12 frames, all numbers as recorded$' "$work/out" || fail "the page: $(cat "$work/out")"
between() { LC_ALL=C awk -v from="$1" -v to="$2" '{all = all $0 "\n"} END {
    all = substr(all, index(all, from) + length(from)); printf "%s", substr(all, 1, index(all, to) - 1)}' "$page"; }
policy=$(between 'Content-Security-Policy" content="' '"')
for element in style script; do
    between "<$element>" "</$element>" >"$work/text"
    [ "$(wc -c <"$work/text")" -gt 1000 ] || fail "the page's $element is empty"
    # sha256sum's digits as the bytes that they stand for
    digest=$(sha256sum <"$work/text" | awk '{for (i = 1; i < 64; i += 2) printf "%d ", (index("0123456789abcdef", substr($1, i, 1)) - 1) * 16 + index("0123456789abcdef", substr($1, i + 1, 1)) - 1}')
    for byte in $digest; do printf "\\$(printf '%03o' "$byte")"; done | base64 >"$work/hash"
    case $policy in
    *"$element-src 'sha256-$(cat "$work/hash")'"*) ;;
    *) fail "the policy does not allow the page's $element: $policy" ;;
    esac
done
case $policy in "default-src 'none';"*) ;; *) fail "the policy begins $policy" ;; esac
! grep -qi 'unsafe\|https\{0,1\}:' <<END || fail "the policy lets more in: $policy"
$policy
END
succeeds "$r" -o "$work/again.html"
cmp -s "$page" "$work/again.html" || fail "the same recording gave another page"
most=$(($(wc -c <"$page") - 5000))
succeeds "$r" -o "$work/small.html" --bytes $most --title 'Другое <b>' --language ru
[ "$(wc -c <"$work/small.html")" -le $most ] || fail "--bytes $most: $(wc -c <"$work/small.html")"
grep -q 'rounded to fit' "$work/out" || fail "--bytes: $(cat "$work/out")"

# ---- a page of two ----
"$(dirname "$program")/tests/recorded" "$work/other run" 7 || fail "no second recording"
succeeds "$r" "$work/other run/" -o "$work/two.html"
grep -q ', 12 of 12 frames, all numbers as recorded$' "$work/out" || fail "two recordings: $(cat "$work/out")"
grep -q '"name":"run"' "$work/two.html" && grep -q '"name":"other run"' "$work/two.html" || fail "two recordings: no names"

# ---- pictures ----
wellformed() { ! command -v python3 >/dev/null || python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$1"; }
for args in '' '--head 1' '--layer dec.cross --step 11' '--probe question --layer attn --step 1'; do
    succeeds "$r" --svg attention $args -o "$work/a.svg"
    wellformed "$work/a.svg" || fail "--svg attention $args is no XML"
done
grep -q '>attn, head 0, step 1</text>' "$work/a.svg" && grep -q '>b?</text>' "$work/a.svg" || fail "--svg attention: no names"
succeeds "$r" --svg attention --title '<Map> & "more"' -o "$work/a.svg"
grep -q '>&lt;Map&gt; &amp; &quot;more&quot;</text>' "$work/a.svg" || fail "--title is not escaped"
for of in value grad update; do
    succeeds "$r" --svg matrix --param w_o.weight --of $of --step 31 -o "$work/$of.svg"
    wellformed "$work/$of.svg" || fail "--svg matrix --of $of is no XML"
done
! cmp -s "$work/value.svg" "$work/grad.svg" || fail "--of grad draws the value"
grep -q '>w_o.weight (W^O), step 31</text>' "$work/value.svg" && grep -q '>no</text>' "$work/value.svg" || fail "--svg matrix: no names"
succeeds "$r" --svg curve -o "$work/c.svg"
succeeds "$r" --svg curve --scalar loss,probe.question.loss --log -o "$work/d.svg"
wellformed "$work/d.svg" && grep -q '>probe.question.loss</text>' "$work/d.svg" && ! cmp -s "$work/c.svg" "$work/d.svg" || fail "--svg curve"

# ---- numbers for other programs ----
succeeds "$r" --safetensors --step 21 -o "$work/f.safetensors"
for tensor in param/attn.w_q probe/question/d/attn.pattern; do
    succeeds "$r" --npy $tensor --step 21 -o "$work/n.npy"
    # The same bytes stand at the end of the .npy and somewhere in the frame.
    bytes=$(($(wc -c <"$work/n.npy") - 128))
    tail -c "$bytes" "$work/n.npy" | od -An -v -tx1 | tr -d ' \n' >"$work/hex"
    od -An -v -tx1 "$work/f.safetensors" | tr -d ' \n' | grep -qF "$(cat "$work/hex")" || fail "--npy $tensor has other numbers than the frame"
    od -An -v -tx1 "$r/00000021.safetensors" | tr -d ' \n' | grep -qF "$(cat "$work/hex")" || fail "--safetensors has other numbers than the frame"
done
succeeds "$r" --bertviz -o "$work/b.json"
for key in encoder_attention cross_attention encoder_tokens decoder_tokens; do
    grep -q "\"$key\":\[" "$work/b.json" || fail "--bertviz: no $key"
done
grep -qF '"decoder_tokens":["<s>","8"]' "$work/b.json" && grep -qF '"encoder_attention":[[[[[0.' "$work/b.json" || fail "--bertviz: $(cat "$work/b.json")"

# ---- to look at here ----
succeeds "$r" --list
for line in 'A sample' '120 steps, 12 frames of steps 1 11 21 31 41 51 61 71 81 91 101 111' '  attn.w_q  [6,5]' '  attn  self, 2 heads, d_k 3' \
            '  question  a7 b8 c9 b?' '  loss  12 points, 0.25 at last' '  probe/question/dec.cross.pattern'; do
    grep -qxF -- "$line" "$work/out" || fail "--list does not say $line"
done
succeeds "$r" --terminal --head 1
[ "$(grep -c '^step ' "$work/out")" = 4 ] && grep -q '^step 111   loss 0.2500   this probe.s 0.1670   [▁▂▃▄▅▆▇█]*$' "$work/out" || fail "--terminal: $(cat "$work/out")"
succeeds "$r" --terminal --layer dec.cross --step 11
[ "$(grep -c '^step ' "$work/out")" = 1 ] && grep -q '^<s> ' "$work/out" || fail "--terminal --step: $(cat "$work/out")"

# Names that would steer a terminal, reorder text or add markup are shown as what they are.
cp -R "$r" "$work/hostile"
sed 's/"c9"/"\\u001b]0;x\\u0007\\u202e<b>\&amp;"/g; s/A sample/<script>\\u001b[2J/' "$r/index.jsonl" >"$work/hostile/index.jsonl"
for action in --list --terminal '--svg attention -o' '--svg curve -o'; do
    case $action in
    *-o) succeeds "$work/hostile" $action "$work/h.svg" && cp "$work/h.svg" "$work/out" ;;
    *) succeeds "$work/hostile" $action ;;
    esac
    ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]\|\342\200\256')" "$work/out" || fail "$action lets control characters through"
    case $action in
    *-o) wellformed "$work/h.svg" && ! grep -q '<script\|<b>' "$work/h.svg" || fail "$action lets markup through" ;;
    esac
done
grep -qF '>&lt;script&gt;&lt;U+001B&gt;[2J</text>' "$work/h.svg" || fail "the hostile title is not shown"
succeeds "$work/hostile" --list
grep -qF '<U+001B>]0;x<U+0007><U+202E><b>&amp;' "$work/out" || fail "--list does not show the hostile name"

# A recording that was cut is shown up to there, and says so.
rm "$r/00000071.safetensors"
run "$r" --list
[ "$status" = 0 ] && grep -q 'not come to its end), 7 frames' "$work/out" && grep -q 'the frame of step 71 is not whole' "$work/err" || fail "a cut recording: $(cat "$work/out" "$work/err")"
run "$r" -o "$page"
[ "$status" = 0 ] && grep -q ' 7 of 7 frames' "$work/out" || fail "the page of a cut recording"

echo "lens_cli: options, page, pictures, numbers and replay of $(basename "$program"): all as promised"
