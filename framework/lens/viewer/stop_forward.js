/* Stop 3: the six steps of attention for the question, every number with the row and the column it was made of. */
(function () {
    'use strict';

    const letters = ['q', 'k', 'v'];
    const chosen = () => (letters.includes(Lens.state.matrix) ? Lens.state.matrix : 'q');
    const big = (letter) => `[${letter}|W^${letter.toUpperCase()}]`;

    /* The pictures, each with room for the numbers of any frame. */
    function pictures(g, point) {
        const strip = (name, rows, title, more) =>
            Lens.heatmap({
                rows,
                columns: g.dk,
                values: new Float64Array(rows * g.dk),
                most: 16,
                cellHeight: 20,
                readout: false,
                name: 'forward.' + name,
                label: name,
                title,
                onPoint: (r, c) => point(name, r, c),
                ...more,
            });
        const pairs = g.tokens.slice(0, g.n),
            own = g.n * g.d;
        const limitOf = (key) => Lens.limit(`${g.path}.${key}`, 'probe', g.story.probe);
        const vectors = Math.max(limitOf('q'), limitOf('k'), limitOf('v')),
            weights = Lens.glass.largestEntry();
        const last = Lens.glass.forward(Lens.glass.weights(Lens.frames - 1));
        const products = Lens.limitOf((f) => Lens.glass.pairProducts(Lens.glass.forward(Lens.glass.weights(f))));
        const few = { columns: g.answers.length, columnNames: g.answers, most: 44, cellHeight: 26, numbers: true };
        return {
            vectors,
            weights,
            x: strip('x', g.n, Lens.rich('forward.x', { n: g.n, d: g.d }), {
                columns: g.d,
                values: new Float64Array(own),
                limit: 1,
                rowNames: pairs,
                columnNames: g.entries,
                cellHeight: 13,
            }),
            w: strip('w', g.d, ' ', {
                limit: weights,
                scale: 'root',
                rowNames: g.entries,
                cellHeight: 5.2,
                fontSize: 9,
            }),
            out: strip('out', g.n, ' ', { limit: vectors, scale: 'root', rowNames: pairs, cellHeight: 13 }),
            bars: strip('bars', g.n, Lens.rich('forward.bars', { dk: g.dk, most: Lens.format(products) }), {
                limit: products,
                mark: 'bar',
                rowNames: pairs,
                cellHeight: 30,
            }),
            mixed: strip('mixed', g.n, Lens.rich('forward.mixed', { n: g.n, dk: g.dk }), {
                limit: vectors,
                scale: 'root',
                rowNames: pairs,
                cellHeight: 30,
            }),
            z: strip('z', 1, Lens.rich('forward.z', { dk: g.dk }), { limit: vectors, scale: 'root', rowNames: ['z'] }),
            logits: strip('logits', 1, Lens.rich('forward.logits'), {
                ...few,
                values: last.logits,
                limit: Math.max(1, Lens.largest(last.logits)),
                digits: 1,
            }),
            chances: strip('chances', 1, Lens.t('forward.chances'), { ...few, values: last.p, limit: 1, digits: 2 }),
        };
    }

    Lens.glass.pairProducts = (f) => Float64Array.from(f.k.flatMap((kj) => Array.from(kj, (x, i) => x * f.q[i])));

    /* Steps 2 to 4 as a table: a row a pair. */
    function table(g, point) {
        const cells = [],
            names = ['dot', 's', 'a'];
        const rows = g.tokens.slice(0, g.n).map((token, j) => {
            const line = names.map((name) => {
                const number = Lens.number(`forward.${name}[${j}]`, 0, { digits: 3 }),
                    bar = name === 'a' ? Lens.el('span', { class: 'mini-bar' }) : null;
                const cell = Lens.el(
                    'td',
                    {
                        tabindex: 0,
                        on: {
                            pointerenter: () => point(name, j, 0),
                            focus: () => point(name, j, 0),
                            pointerleave: (e) => e.pointerType === 'mouse' && point(null),
                            blur: () => point(null),
                        },
                    },
                    [number, bar],
                );
                return { cell, number, bar };
            });
            cells.push(line);
            return Lens.el('tr', {}, [
                Lens.el('th', { scope: 'row', class: 'mono', text: Lens.token(token) }),
                line.map((c) => c.cell),
            ]);
        });
        const element = Lens.el('table', { class: 'scores' }, [
            Lens.el(
                'thead',
                {},
                Lens.el('tr', {}, [
                    Lens.el('th', { scope: 'col', text: Lens.t('forward.pair') }),
                    ...['forward.add', 'forward.3', 'forward.4'].map((key) =>
                        Lens.el('th', { scope: 'col' }, Lens.rich(key, { dk: g.dk })),
                    ),
                ]),
            ),
            Lens.el('tbody', {}, rows),
        ]);
        element.update = (f) =>
            cells.forEach((line, j) => {
                line.forEach(({ number }, i) => number.set(f[['dots', 's', 'a'][i]][j]));
                line[2].bar.style.width = 100 * f.a[j] + '%';
            });
        element.light = (name, list) =>
            cells.forEach((line, j) =>
                line.forEach(({ cell }, i) => cell.classList.toggle('lit', names[i] === name && list.includes(j))),
            );
        return element;
    }

    /* ---- what a number is made of ---- */

    const f3 = (x) => Lens.format(x);
    const signed = (x) => (x < 0 ? `(${f3(x)})` : f3(x));
    const result = (x) => Lens.el('b', { class: 'number', text: f3(x), data: { name: 'forward.point', value: x } });

    /* Sources of a number: {light: {picture: what is lit}, cells: {column of the table: rows}, text: what is
     * written}. */
    function sources(g, now, name, row, column) {
        const { f, letter, shown } = now,
            v = (i) => `[${i + 1}]`;
        const below = (name_, j) => [name_, Lens.el('sub', { text: Lens.token(g.tokens[j]) })];
        const at = (letter_, j) => (letter_ === 'q' ? 'q' : below(letter_, j));
        const entry = (e, i) => `W^${letter.toUpperCase()}[${Lens.token(g.entries[e])}, ${i + 1}]`;
        switch (name) {
            case 'x':
                return {
                    light: { w: { rows: [column] }, out: { rows: [row] } },
                    text: [
                        `x[${Lens.token(g.tokens[shown[row]])}, ${Lens.token(g.entries[column])}] = `,
                        result(now.x[row * g.d + column]),
                    ],
                };
            case 'w':
                return {
                    light: { x: { columns: [row] }, out: { columns: [column] } },
                    text: [entry(row, column), ' = ', result(now.w[row * g.dk + column])],
                };
            case 'out': {
                const t = shown[row],
                    entries = Lens.glass.entriesOf(t);
                const parts = entries.map((e) => `1 · ${signed(now.w[e * g.dk + column])}`);
                return {
                    light: { x: { rows: [row] }, w: { columns: [column], cells: entries.map((e) => [e, column]) } },
                    text: [
                        at(letter, t),
                        `${v(column)} = `,
                        entries.map((e) => entry(e, column)).join(' + '),
                        ' = ',
                        parts.join(' + '),
                        ' = ',
                        result(now.out[row * g.dk + column]),
                    ],
                };
            }
            case 'bars':
                return {
                    light: { out: { cells: [[letter === 'q' ? 0 : row, column]] } },
                    text: [
                        `q${v(column)} · `,
                        at('k', row),
                        `${v(column)} = ${signed(f.q[column])} · ${signed(f.k[row][column])} = `,
                        result(f.q[column] * f.k[row][column]),
                    ],
                };
            case 'dot':
                return {
                    light: { bars: { rows: [row] } },
                    text: [
                        'q · ',
                        at('k', row),
                        ` = ${Lens.t('forward.sum.bars', { dk: g.dk })} = `,
                        result(f.dots[row]),
                    ],
                };
            case 's':
                return {
                    light: {},
                    cells: { dot: [row] },
                    text: [below('s', row), ` = ${signed(f.dots[row])} / ${f3(g.root)} = `, result(f.s[row])],
                };
            case 'a':
                return {
                    light: {},
                    cells: { s: f.s.map((_, j) => j) },
                    text: [below('a', row), ` = ${Lens.t('forward.sum.soft')} = `, result(f.a[row])],
                };
            case 'mixed':
                return {
                    light: { out: { cells: [[row, column]] } },
                    cells: { a: [row] },
                    text: [
                        below('a', row),
                        ' · ',
                        at('v', row),
                        `${v(column)} = ${f3(f.a[row])} · ${signed(f.v[row][column])} = `,
                        result(f.a[row] * f.v[row][column]),
                    ],
                };
            case 'z':
                return {
                    light: { mixed: { columns: [column] } },
                    text: [
                        `z${v(column)} = `,
                        f.v.map((vj, j) => signed(f.a[j] * vj[column])).join(' + '),
                        ' = ',
                        result(f.z[column]),
                    ],
                };
            case 'logits':
                return {
                    light: { z: { rows: [0] } },
                    text: [`z · W^O[·, ${Lens.token(g.answers[column])}] = `, result(f.logits[column])],
                };
            case 'chances':
                return {
                    light: { logits: { rows: [0] } },
                    text: [`p(${Lens.token(g.answers[column])}) = `, result(f.p[column])],
                };
            default:
                return { light: {}, text: [] };
        }
    }

    /* ---- the stop ---- */

    function make(root) {
        const g = Lens.glass.open(),
            now = {};
        const says = Lens.el('output', { class: 'readout sticky', 'aria-live': 'polite' });
        const p = pictures(g, point),
            scores = table(g, point),
            maps = ['x', 'w', 'out', 'bars', 'mixed', 'z', 'logits', 'chances'];
        const choose = Lens.el('span'),
            what = Lens.el('p', { class: 'small' }),
            loss = Lens.number('forward.loss', 0, { class: 'strong' });
        const head = (n, key) =>
            Lens.el('h3', {}, [Lens.el('span', { class: 'stop-number' }, n), ' ', Lens.rich(key, { dk: g.dk })]);
        let pointed = null;

        Lens.append(root, [
            says,
            Lens.el('section', { class: 'card' }, [
                Lens.el('div', { class: 'row between' }, [head('1', 'forward.1'), choose, what]),
                Lens.el('div', { class: 'product' }, [
                    p.x,
                    Lens.el('span', { class: 'sign', text: '·' }),
                    p.w,
                    Lens.el('span', { class: 'sign', text: '=' }),
                    p.out,
                ]),
            ]),
            Lens.el('div', { class: 'forward-row' }, [
                Lens.el('section', { class: 'card' }, [head('2', 'forward.2'), p.bars]),
                Lens.el('section', { class: 'card' }, [head('3–4', 'forward.234'), scores]),
                Lens.el('section', { class: 'card' }, [head('5', 'forward.5'), p.mixed]),
            ]),
            Lens.el('section', { class: 'card' }, [
                head('6', 'forward.6'),
                Lens.el('div', { class: 'answer-row' }, [p.z, p.logits, p.chances]),
                Lens.el('p', { class: 'last' }, [
                    Lens.t('forward.loss', { answer: Lens.token(g.answers[g.answer]) }),
                    loss,
                ]),
            ]),
            Lens.el('div', { class: 'row legends' }, [
                Lens.legend({ limit: p.weights, scale: 'root', unit: Lens.rich('forward.unit.w') }),
                Lens.legend({ limit: p.vectors, scale: 'root', unit: Lens.rich('forward.unit.v') }),
            ]),
        ]);

        /* What is pointed at may be made of vectors that the first card does not show: then it turns to them. */
        function point(name, row, column) {
            pointed = name === null || row === null ? null : [name, row, column];
            if (name === 'mixed' && row !== null && now.letter !== 'v') first('v');
            if (name === 'bars' && row !== null && now.letter === 'v') first('k');
            const s = pointed ? sources(g, now, ...pointed) : { light: {}, text: [] };
            for (const m of maps) p[m].light(s.light[m]);
            for (const column_ of ['dot', 's', 'a']) scores.light(column_, (s.cells && s.cells[column_]) || []);
            Lens.fill(
                says,
                pointed
                    ? s.text.map((part) => (typeof part === 'string' ? Lens.scripts(part) : part))
                    : Lens.el('span', { class: 'quiet', text: Lens.t('forward.point') }),
            );
        }

        function first(letter) {
            now.letter = letter;
            now.shown = letter === 'q' ? [g.asked] : Array.from({ length: g.n }, (_, j) => j);
            now.x = Float64Array.from(now.shown.flatMap((t) => Array.from(Lens.glass.token(t))));
            now.w = Lens.glass.matrix(letter, Lens.state.frame);
            now.out = letter === 'q' ? now.f.q : Float64Array.from(now.f[letter].flatMap((row) => Array.from(row)));
            const rows = now.shown.length,
                rowNames = now.shown.map((t) => g.tokens[t]);
            p.x.update(now.x, { rows, rowNames });
            p.w.update(now.w, { ink: Lens.glass.letters[letter] });
            p.out.update(now.out, { rows, rowNames, ink: Lens.glass.letters[letter] });
            Lens.fill(p.x.querySelector('figcaption'), Lens.rich('forward.x', { n: rows, d: g.d }));
            Lens.fill(p.w.querySelector('figcaption'), [Lens.rich(big(letter)), `: ${g.d} × ${g.dk}`]);
            Lens.fill(p.out.querySelector('figcaption'), [Lens.rich(`[${letter}|${letter}]`), `: ${rows} × ${g.dk}`]);
            Lens.fill(what, Lens.rich('forward.1' + letter));
            for (const button of choose.querySelectorAll('button'))
                button.setAttribute('aria-pressed', String(button.dataset.choice === letter));
        }

        return {
            update(changed) {
                now.f = Lens.glass.forward(Lens.glass.weights(Lens.state.frame));
                if (!changed.frame)
                    Lens.fill(
                        choose,
                        Lens.choice(
                            'forward.which',
                            letters.map((l) => [l, Lens.rich(big(l))]),
                            chosen(),
                            (l) => (Lens.set({ matrix: l }), first(l)),
                        ),
                    );
                first(changed.frame ? now.letter : chosen());
                p.bars.update(Lens.glass.pairProducts(now.f));
                scores.update(now.f);
                p.mixed.update(Float64Array.from(now.f.v.flatMap((row, j) => Array.from(row, (x) => x * now.f.a[j]))));
                p.z.update(now.f.z);
                p.logits.update(now.f.logits);
                p.chances.update(now.f.p);
                loss.set(now.f.loss);
                point(...(pointed || [null]));
            },
        };
    }

    Lens.stop({
        id: 'stop-3',
        title: 'forward.title',
        short: 'forward.short',
        say: 'forward.say',
        act: 'forward.act',
        note: 'forward.note',
        values: () => ({ asked: Lens.token(Lens.glass.open().tokens[Lens.glass.open().asked]) }),
        needs: () => Boolean(Lens.glass.open()),
        start: () => Lens.frames - 1,
        make,
    });
})();
