/* Products of a head's matrices on named tokens, with the inner coordinates summed away (the QK and OV circuits of
 * Elhage et al. 2021), through an earlier head too; and scores of what a head does on a probe. */
(function () {
    'use strict';
    const A = Lens.algebra,
        parts = Lens.parts;
    const MOST = 48; /* names in a picture; of larger vocabularies the probe's tokens come first */

    /* ---- which names ---- */

    /* Indices of a space's names that are shown: all, or those of the probe's tokens and then the first. */
    function shownNames(space, probe, path) {
        const all = space.names.map((_name, i) => i);
        if (all.length <= MOST || !probe) return all.slice(0, MOST);
        const own = (probe.attention && probe.attention[path]) || probe;
        const there = new Set([...(own.queries || []), ...(own.keys || [])]);
        const first = all.filter((i) => there.has(space.names[i])),
            rest = all.filter((i) => !there.has(space.names[i]));
        return [...first, ...rest].slice(0, MOST);
    }

    function spaceFor(name, c) {
        const space = name && parts.spaceOf(name);
        if (!space) return null;
        const cached = Lens.memory('spaces'),
            key = name + '\n' + (c.probe ? c.probe.name : '') + '\n' + c.attention.path;
        if (!cached.has(key)) {
            const which = shownNames(space, c.probe, c.attention.path);
            cached.set(key, { space, which, names: which.map((i) => Lens.token(space.names[i])) });
        }
        return cached.get(key);
    }

    /* ---- products, each (frame) -> matrix or null ---- */

    const from = (s, frame, w) => s && w && A.fromSpace(s.space, s.which, frame, w);
    const times = (a, b) => (a && b && a.columns === b.columns ? A.multiply(a, A.transpose(b)) : null);

    function qk(c, queries, keys, frame) {
        return times(
            from(queries, frame, A.ofHead(c.attention, 'q', c.head, frame)),
            from(keys, frame, A.ofHead(c.attention, 'k', c.head, frame)),
        );
    }

    function ov(c, keys, out, frame) {
        const v = from(keys, frame, A.ofHead(c.attention, 'v', c.head, frame)),
            o = A.ofHead(c.attention, 'o', c.head, frame);
        if (!v || !o || !out) return null;
        if (out.space.embedding === null) return times(v, A.chosenRows(A.transpose(o), out.which));
        const e = A.embedding(out.space, out.which, frame);
        return e && e.columns === o.columns ? times(v, A.multiply(e, A.transpose(o))) : null;
    }

    function positions(c, queries, keys, frame) {
        const table = (s) => {
            const p = s && s.space.positions && Lens.param(s.space.positions);
            return (
                p &&
                A.matrix(
                    Math.min(p.shape[0], MOST),
                    p.shape[1],
                    p.value(frame).subarray(0, Math.min(p.shape[0], MOST) * p.shape[1]),
                )
            );
        };
        const side = (s, letter) => {
            const p = table(s),
                w = A.ofHead(c.attention, letter, c.head, frame);
            return p && w && p.columns === w.rows ? A.multiply(p, w) : null;
        };
        return times(side(queries, 'q'), side(keys, 'k'));
    }

    /* ---- through an earlier layer ---- */

    /* Heads whose output this layer's keys read: of layers before it over the same tokens as its keys. */
    function earlierHeads(c) {
        const all = parts.layers(),
            heads = [];
        const here = all.indexOf(c.attention);
        all.slice(0, here).forEach((a) => {
            const w = A.ofHead(a, 'o', 0, 0),
                k = A.ofHead(c.attention, 'k', 0, 0);
            if (
                a.query_space === c.attention.key_space &&
                a.key_space === a.query_space &&
                w &&
                k &&
                w.columns === k.rows
            )
                for (let head = 0; head < a.heads; head++) heads.push({ attention: a, head });
        });
        return heads;
    }

    /* W^V W^O W^K: (d_model, d_k), from what the earlier head looks at to this head's key. */
    function carried(c, earlier, frame) {
        const o = A.ofHead(earlier.attention, 'o', earlier.head, frame),
            v = A.ofHead(earlier.attention, 'v', earlier.head, frame);
        return A.multiply(v, A.multiply(o, A.ofHead(c.attention, 'k', c.head, frame)));
    }

    function through(c, earlier, queries, keys, frame) {
        return times(
            from(queries, frame, A.ofHead(c.attention, 'q', c.head, frame)),
            from(keys, frame, carried(c, earlier, frame)),
        );
    }

    /* ‖a bᵀ‖ from the small products aᵀa and bᵀb. */
    function normOfProduct(a, b) {
        const x = A.multiply(A.transpose(a), a),
            y = A.multiply(A.transpose(b), b);
        return Math.sqrt(Math.max(0, A.dot(x.data, y.data)));
    }

    /* ‖W^Q (W^V W^O W^K)ᵀ‖ / (‖W^Q W^Kᵀ‖ ‖W^V W^O‖) */
    function composition(c, earlier, frame) {
        const q = A.ofHead(c.attention, 'q', c.head, frame),
            k = A.ofHead(c.attention, 'k', c.head, frame);
        const v = A.ofHead(earlier.attention, 'v', earlier.head, frame),
            o = A.ofHead(earlier.attention, 'o', earlier.head, frame);
        const below = normOfProduct(q, k) * normOfProduct(v, A.transpose(o));
        return below ? normOfProduct(q, carried(c, earlier, frame)) / below : 0;
    }

    /* ---- scores ---- */

    /* Share of rows whose largest entry stands under the column of the same name. */
    function ownLargest(m, rows, columns) {
        if (!m) return null;
        let right = 0,
            asked = 0;
        for (let i = 0; i < m.rows; i++) {
            const own = columns.indexOf(rows[i]);
            if (own < 0) continue;
            const row = m.data.subarray(i * m.columns, (i + 1) * m.columns);
            asked++;
            if (row.every((x, j) => j === own || x < row[own])) right++;
        }
        return asked ? right / asked : null;
    }

    /* Mean over queries of the weight on the keys that `wanted(query, key)` names; queries that have none don't count. */
    function meanWeight(m, wanted) {
        let sum = 0,
            asked = 0;
        for (let i = 0; i < m.rows; i++) {
            let any = false,
                on = 0;
            for (let j = 0; j < m.columns; j++)
                if (wanted(i, j)) {
                    any = true;
                    on += m.data[i * m.columns + j];
                }
            if (any) {
                asked++;
                sum += on;
            }
        }
        return asked ? sum / asked : null;
    }

    /* Of a head that looks within one sequence. */
    function patternScores(c) {
        const m = c.probe && parts.watched(c.probe, c.attention, 'pattern', c.head, c.frame);
        const t = m && parts.tokens(c.probe, c.attention.path);
        const one =
            m &&
            m.rows === m.columns &&
            (c.attention.kind === 'self' || c.attention.kind === 'causal') &&
            t.queries.every((q, i) => q === t.keys[i]);
        if (!one) return { previous: null, prefix: null, same: null };
        const x = t.keys;
        return {
            previous: meanWeight(m, (i, j) => j === i - 1),
            prefix: meanWeight(m, (i, j) => j > 0 && j <= i && x[j - 1] === x[i] && j - 1 < i),
            same: meanWeight(m, (i, j) => j < i && x[j] === x[i]),
        };
    }

    Lens.circuits = { qk, ov, positions, through, composition, ownLargest, patternScores, spaceFor, earlierHeads };
})();
