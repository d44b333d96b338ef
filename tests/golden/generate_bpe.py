#!/usr/bin/python3
"""Byte pair encoding the slow, textbook way: what tests/test_data_bpe.c expects.

Run in tests/golden:  python3 generate_bpe.py

Training counts all pairs anew for every merge; encoding looks for the best pair anew for every merge; the split is written out by
hand from the categories of `unicodedata`, without a regular expression. Writes bpe/vocab.json, bpe/merges.txt (learned from
bpe/text.txt) and bpe/cases.txt: a line a text, its bytes in hexadecimal, a colon, its ids."""
import json
import random
import unicodedata

MERGES = 240
SPECIAL = "<|endoftext|>"

SPACES = {chr(c) for c in [*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]}


def kind(c):
    """Letter, number, white space, other."""
    return "s" if c in SPACES else unicodedata.category(c)[0] if unicodedata.category(c)[0] in "LN" else "o"


def run_from(text, i, k):
    while i < len(text) and kind(text[i]) == k:
        i += 1
    return i


def split_text(text):
    pieces, i = [], 0
    while i < len(text):
        end = None
        for ending in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
            if end is None and text.startswith(ending, i):
                end = i + len(ending)
        for k in "LNo":
            start = i + 1 if text[i] == " " else i
            if end is None and run_from(text, start, k) > start:
                end = run_from(text, start, k)
        if end is None:  # white space: all of it at the end, else all but the last, which belongs to what follows
            end = run_from(text, i, "s")
            if end < len(text) and end - i > 1:
                end -= 1
        pieces.append(text[i:end].encode())
        i = end
    return pieces


def split_bytes(data):
    """Bytes that are no UTF-8 are pieces of their own."""
    foreign = lambda c: 0xDC80 <= ord(c) <= 0xDCFF
    text, pieces, i = data.decode("utf-8", "surrogateescape"), [], 0
    while i < len(text):
        j = i
        while j < len(text) and foreign(text[j]) == foreign(text[i]):
            j += 1
        pieces += [text[i:j].encode("utf-8", "surrogateescape")] if foreign(text[i]) else split_text(text[i:j])
        i = j
    return pieces


visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
order = visible + [b for b in range(256) if b not in visible]
shown = {b: chr(b) if b in visible else chr(256 + order.index(b) - len(visible)) for b in range(256)}


def merged(tokens, pair):
    out, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i:i + 2]) == pair:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(tokens[i])
            i += 1
    return out


def train(data, merges):
    vocabulary = {bytes([b]): i for i, b in enumerate(order)}
    words = [[bytes([b]) for b in piece] for piece in split_bytes(data)]
    ranks = []
    while len(ranks) < merges:
        counts = {}
        for word in words:
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        fresh = [(-n, vocabulary[a], vocabulary[b], a, b) for (a, b), n in counts.items() if a + b not in vocabulary and n >= 2]
        if not fresh:
            break
        pair = min(fresh)[3:]
        vocabulary[pair[0] + pair[1]] = len(vocabulary)
        ranks.append(pair)
        words = [merged(word, pair) for word in words]
    return vocabulary, ranks


def encode(data, vocabulary, ranks):
    ids = []
    for piece in split_bytes(data):
        tokens = [bytes([b]) for b in piece]
        while True:
            pairs = [pair for pair in zip(tokens, tokens[1:]) if pair in ranks]
            if not pairs:
                break
            tokens = merged(tokens, min(pairs, key=ranks.index))
        ids += [vocabulary[token] for token in tokens]
    return ids


TEXTS = [
    "The queen's guard won't say where they've hidden the king's 1979 coins.",
    "I'm sure we'll see what they'd do; you're late, it's 12:45, isn't it? IT'S, YOU'RE", "o'clock 'tis 'twas rock 'n' roll l'été d'accord",
    "", " ", "  ", "\n", "\n\n\n", " \n \n", "a  b   c    d", "word \n\n  next\tline  ", "    indented by four\n        and by eight\n", "end  ",
    "déjà vu, naïve café, Ærøskøbing, Übergrößenträger, São João", "e\u0301 decomposed", "0 12 345 6789 3.14159 1e-10 ½ ² Ⅷ ٣٤ 一二三",
    "注意力 is all you need。 東京は夜の七時", "한국어와 русский язык, ελληνικά, עברית, العربية, हिन्दी", "😀 👩‍👩‍👧‍👦 🏳️‍🌈 tokens🙂🙂🙂",
    "a\u00a0b\u2003c\u3000\u3000d\u180ee\u200bf\u2028g\u0085h", "!!! ... ??? --- <|endoftext|> {\"a\": [1, 2]} // /* */ #include <stdio.h>",
    "the the the thethethethe THE The", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", " " * 33 + "x" + " " * 7, "tab\t\ttab \t mixed", "\r\nwindows\r\n\r\nlines\r\n",
    "\x00nul\x01\x7f\x1b[0m", "attention attends; the attended attendant pays attention",
]
FOREIGN = [b"\xff", b"good \xc3\x28 bad", b"\xe4\xb8", b"  \x80\x80  the\xf0\x9f\x98", b"\xed\xa0\x80 \xc0\xaf x \xf5", bytes(range(256))]


def main():
    data = open("bpe/text.txt", "rb").read()
    vocabulary, ranks = train(data, MERGES)
    show = lambda token: "".join(shown[b] for b in token)
    keys = {show(token): i for token, i in vocabulary.items()}
    keys[SPECIAL] = len(keys)
    json.dump(keys, open("bpe/vocab.json", "w"))
    with open("bpe/merges.txt", "w") as file:
        file.write("#version: 0.2\n" + "".join(f"{show(a)} {show(b)}\n" for a, b in ranks))
    draw = random.Random(3)
    alphabet = ["the", "at", "te", "nt", " ", "  ", "\n", "'s", "'", "é", "中", "😀", "1", "23", ",", "a", "b", "tion", "注意"]
    texts = [text.encode() for text in TEXTS] + FOREIGN
    texts += ["".join(draw.choice(alphabet) for _ in range(draw.randrange(1, 40))).encode() for _ in range(60)]
    texts += [bytes(draw.choice(b"the atn\n \xc3\xa9\xe4\xb8\xad\xff'1") for _ in range(draw.randrange(1, 60))) for _ in range(60)]
    with open("bpe/cases.txt", "w") as file:
        for text in texts:
            ids = encode(text, vocabulary, ranks)
            assert b"".join(list(vocabulary)[i] for i in ids) == text
            file.write(text.hex() + ":" + "".join(f" {i}" for i in ids) + "\n")
    print(f"{len(ranks)} merges, {len(texts)} texts")


if __name__ == "__main__":
    main()
