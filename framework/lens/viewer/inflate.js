/* Inflating what was deflated (RFC 1951), in the page itself: no browser need know how, now or in ten years. */
(function () {
    'use strict';

    /* Symbols of a code whose i-th symbol has lengths[i] bits, 0 for none: entry[next bits, the first one lowest] is
     * symbol << 4 | length. */
    function codeOf(lengths) {
        const longest = Math.max(1, ...lengths),
            entry = new Uint16Array(1 << longest);
        let code = 0;
        for (let length = 1; length <= longest; length++, code <<= 1)
            lengths.forEach((own, symbol) => {
                if (own !== length) return;
                let turned = 0;
                for (let i = 0; i < length; i++) turned |= ((code >> i) & 1) << (length - 1 - i);
                for (let at = turned; at < entry.length; at += 1 << length) entry[at] = (symbol << 4) | length;
                code++;
            });
        return { entry, mask: entry.length - 1 };
    }

    const repeated = (parts) => parts.flatMap(([n, x]) => new Array(n).fill(x));
    const fixed = [codeOf(repeated([[144, 8], [112, 9], [24, 7], [8, 8]])), codeOf(repeated([[30, 5]]))]; // prettier-ignore

    /* Where the lengths and distances of matches begin, and how many bits follow. */
    const lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    const distanceBits = Array.from({ length: 30 }, (_, i) => Math.max(0, (i >> 1) - 1));
    function firsts(first, bits) {
        return bits.map((n) => (first += 1 << n) - (1 << n));
    }
    const lengthFirst = firsts(3, lengthBits),
        distanceFirst = firsts(1, distanceBits);
    lengthFirst[28] = 258;
    const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /* bytes, that became `size` of them when they were whole. */
    Lens.inflate = function (bytes, size) {
        const out = new Uint8Array(size);
        let at = 0,
            held = 0,
            count = 0,
            n = 0;

        function need(bits) {
            while (count < bits) {
                held |= bytes[at++] << count;
                count += 8;
            }
        }
        function take(bits) {
            need(bits);
            const x = held & ((1 << bits) - 1);
            held >>>= bits;
            count -= bits;
            return x;
        }
        function symbolOf(code) {
            need(15);
            const e = code.entry[held & code.mask];
            if (!e || n > size || at > bytes.length + 4) throw new Error('the numbers of this page are damaged');
            held >>>= e & 15;
            count -= e & 15;
            return e >> 4;
        }

        function stored() {
            held = 0;
            at -= count >> 3; /* whole bytes that were read ahead */
            count = 0;
            const length = bytes[at] | (bytes[at + 1] << 8);
            out.set(bytes.subarray(at + 4, at + 4 + length), n);
            at += 4 + length;
            n += length;
        }
        function dynamic() {
            const literals = take(5) + 257,
                distances = take(5) + 1,
                lengths = new Array(19).fill(0);
            for (let i = take(4) + 4, j = 0; j < i; j++) lengths[order[j]] = take(3);
            const code = codeOf(lengths),
                all = [];
            while (all.length < literals + distances) {
                const s = symbolOf(code);
                if (s < 16) all.push(s);
                else if (s === 16) all.push(...new Array(3 + take(2)).fill(all[all.length - 1]));
                else all.push(...new Array(s === 17 ? 3 + take(3) : 11 + take(7)).fill(0));
            }
            return [codeOf(all.slice(0, literals)), codeOf(all.slice(literals))];
        }
        function block([literals, distances]) {
            for (let s = symbolOf(literals); s !== 256; s = symbolOf(literals)) {
                if (s < 256) {
                    out[n++] = s;
                    continue;
                }
                const length = lengthFirst[s - 257] + take(lengthBits[s - 257]),
                    d = symbolOf(distances),
                    distance = distanceFirst[d] + take(distanceBits[d]);
                for (let end = n + length; n < end; n++) out[n] = out[n - distance];
            }
        }

        for (let last = 0; !last; ) {
            last = take(1);
            const kind = take(2);
            if (kind === 0) stored();
            else block(kind === 1 ? fixed : dynamic());
        }
        return out;
    };
})();
