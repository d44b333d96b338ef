/* Stop 4: one backward step of the question, from the scores to the row of W^Q that moves, and what it does to the
 * loss. */
(function () {
    'use strict';

    /* ---- one column a key: weight, arrow, numbers ---- */

    function arrowOf(height) {
        const line = Lens.svg('line', { x1: 20, x2: 20, y1: height / 2, class: 'arrow-line' }),
            head = Lens.svg('path', { class: 'arrow-head' });
        const svg = Lens.svg('svg', { viewBox: `0 0 40 ${height}`, width: 40, height, 'aria-hidden': 'true' }, [
            Lens.svg('line', { x1: 0, x2: 40, y1: height / 2, y2: height / 2, class: 'zero-line' }),
            line,
            head,
        ]);
        svg.set = function (share) {
            const tip = height / 2 - share * (height / 2 - 3),
                turn = share < 0 ? -1 : 1,
                colour = `var(${share < 0 ? '--below' : '--above'})`;
            const long = Math.min(11, Math.abs(tip - height / 2));
            line.setAttribute('y2', tip + turn * long * 0.8);
            head.setAttribute('d', `M20 ${tip} l-8 ${turn * long} h16 Z`);
            line.style.stroke = head.style.fill = colour;
        };
        return svg;
    }

    /* The table whose columns are the keys. */
    function keyTable(g) {
        const own = Lens.glass.ownPair(),
            columns = g.tokens.slice(0, g.n).map((token, j) => {
                const n = (name, digits) =>
                    Lens.number(`backward.${name}[${j}]`, 0, { digits, sign: name !== 'weight' });
                const bar = Lens.el('span', { class: 'stand' }),
                    ghost = Lens.el('span', { class: 'stand ghost' });
                return {
                    token,
                    bar,
                    ghost,
                    arrow: arrowOf(104),
                    weight: n('weight', 3),
                    da: n('da'),
                    than: n('than'),
                    ds: n('ds'),
                };
            });
        const weightHead = Lens.el('th', { scope: 'row' });
        const row = (key, of, css) =>
            Lens.el('tr', { class: css }, [
                key === 'backward.weight' ? weightHead : Lens.el('th', { scope: 'row' }, Lens.rich(key)),
                columns.map((c) => Lens.el('td', {}, of(c))),
            ]);
        const element = Lens.el('table', { class: 'keys' }, [
            Lens.el(
                'thead',
                {},
                Lens.el('tr', {}, [
                    Lens.el('td'),
                    columns.map((c, j) =>
                        Lens.el('th', {
                            scope: 'col',
                            class: 'mono' + (j === own ? ' own' : ''),
                            text: Lens.token(c.token),
                        }),
                    ),
                ]),
            ),
            Lens.el('tbody', {}, [
                row('backward.ds', (c) => [c.arrow, c.ds], 'pulls'),
                row('backward.weight', (c) => [Lens.el('span', { class: 'stands' }, [c.ghost, c.bar]), c.weight]),
                row('backward.da', (c) => c.da),
                row('backward.than', (c) => c.than),
            ]),
        ]);
        /* f, b: forward and backward before the step; after: the weights after it, if it has been applied; limit:
         * of arrows */
        element.update = (f, b, after, limit) => {
            Lens.fill(weightHead, Lens.rich(after ? 'backward.weight.after' : 'backward.weight'));
            columns.forEach((c, j) => {
                c.weight.set((after || f.a)[j]);
                c.da.set(b.da[j]);
                c.than.set(b.da[j] - b.mean);
                c.ds.set(-b.ds[j]);
                c.arrow.set(-b.ds[j] / limit);
                c.bar.style.height = 100 * (after || f.a)[j] + '%';
                c.ghost.hidden = !after;
                c.ghost.style.height = 100 * f.a[j] + '%';
            });
        };
        return element;
    }

    /* ---- the stop ---- */

    function pictures(g) {
        const strip = (name, rows, title, more) =>
            Lens.heatmap({
                rows,
                columns: g.dk,
                values: new Float64Array(rows * g.dk),
                most: 16,
                cellHeight: 20,
                fontSize: 10,
                name: 'backward.' + name,
                label: name,
                title: Lens.rich(title, { dk: g.dk, d: g.d, eta: Lens.format(g.eta) }),
                readout: false,
                scale: 'root',
                ...more,
            });
        return {
            rows: strip('rows', g.n, 'backward.rows', { rowNames: g.tokens.slice(0, g.n), ink: '--key' }),
            dq: strip('dq', 1, 'backward.sum', { rowNames: ['dq'], readout: true, ink: '--gradient' }),
            step: strip('step', 1, 'backward.row', { ink: '--gradient' }),
            x: Lens.heatmap({
                rows: g.d,
                columns: 1,
                values: Lens.glass.token(g.asked),
                rowNames: g.entries,
                most: 20,
                cellHeight: 5.4,
                fontSize: 9,
                readout: false,
                name: 'backward.x',
                label: 'x',
                title: Lens.rich('backward.x'),
            }),
            dw: strip('dw', g.d, 'backward.dw', {
                cellHeight: 5.4,
                ink: '--query',
                readout: true,
                describe: (r, c, x) => [
                    Lens.rich('Δ[q|W^Q]'),
                    `[${Lens.token(g.entries[r])}, ${c + 1}] = `,
                    Lens.number('backward.dw.at', x, { class: 'strong' }),
                ],
            }),
            q: strip('q', 1, 'backward.q'),
            qnew: strip('qnew', 1, 'backward.qnew'),
        };
    }

    const largestArrow = () =>
        Lens.limitOf((frame) => {
            const w = Lens.glass.weights(frame);
            return Lens.glass.backward(w, Lens.glass.forward(w)).ds;
        });

    function make(root) {
        const g = Lens.glass.open(),
            row = Lens.glass.entriesOf(g.asked)[0],
            p = pictures(g),
            keys = keyTable(g),
            longest = largestArrow();
        const limits = {
            q: Lens.limit(`${g.path}.q`, 'probe', g.story.probe),
            dq: Lens.limit(`d/${g.path}.q`, 'probe', g.story.probe),
        };
        const how = Lens.el('p', { class: 'small' }),
            mean = Lens.el('span'),
            same = Lens.el('p', { class: 'small quiet' });
        const buttons = {},
            after = {},
            before = Lens.number('backward.loss.before', 0, { class: 'strong' });
        let applied = null;

        for (const which of ['q', 'all']) {
            after[which] = Lens.number('backward.loss.after.' + which, null, { class: 'strong' });
            buttons[which] = Lens.el('button', {
                type: 'button',
                class: 'big',
                data: { apply: which },
                on: { click: () => apply(which) },
            });
        }
        const card = (key, ...rest) => Lens.el('section', { class: 'card' }, [Lens.el('h3', {}, Lens.rich(key)), rest]);
        const line = (key, number) => Lens.el('span', { class: 'loss-line' }, [Lens.rich(key), number]);
        Lens.append(root, [
            Lens.el('div', { class: 'card apply' }, [
                buttons.q,
                buttons.all,
                Lens.el('p', { class: 'losses', 'aria-live': 'polite' }, [
                    line('backward.before', before),
                    line('backward.after.q', after.q),
                    line('backward.after.all', after.all),
                ]),
            ]),
            Lens.el('div', { class: 'chain' }, [
                card(
                    'backward.scores',
                    how,
                    keys,
                    Lens.el('p', { class: 'small' }, [Lens.rich('backward.formula'), mean]),
                ),
                card('backward.dq', p.rows, p.dq, same),
                card(
                    'backward.outer',
                    Lens.el('div', { class: 'outer' }, [Lens.el('span'), p.step, p.x, p.dw]),
                    Lens.el('p', { class: 'small' }, Lens.rich('backward.lit', { row: Lens.token(g.entries[row]) })),
                    Lens.el('p', { class: 'small arrow-on' }, ['↓ ', Lens.rich('backward.new')]),
                    p.q,
                    p.qnew,
                ),
            ]),
            Lens.el('div', { class: 'row legends' }, [
                Lens.legend({ limit: limits.dq, scale: 'root', unit: Lens.rich('backward.unit', { dk: g.dk }) }),
                g.eta === 1
                    ? null
                    : Lens.legend({ limit: g.eta * limits.dq, scale: 'root', unit: Lens.rich('backward.unit.step') }),
                Lens.legend({ limit: limits.q, scale: 'root', unit: Lens.rich('backward.unit.q') }),
            ]),
        ]);

        function apply(which) {
            applied = applied === which ? null : which;
            draw();
        }

        function draw() {
            const w = Lens.glass.weights(Lens.state.frame),
                f = Lens.glass.forward(w),
                b = Lens.glass.backward(w, f),
                dw = Lens.glass.gradients(f, b);
            const next = { q: Lens.glass.stepped(w, dw, g.eta, 'q'), all: Lens.glass.stepped(w, dw, g.eta, 'qkvo') };
            const now = applied ? Lens.glass.forward(next[applied]) : f;
            before.set(f.loss);
            for (const which of ['q', 'all']) {
                after[which].set(applied === which ? now.loss : null);
                Lens.fill(buttons[which], Lens.rich(applied === which ? 'backward.undo' : 'backward.apply.' + which));
                buttons[which].setAttribute('aria-pressed', String(applied === which));
            }
            keys.update(f, b, applied && now.a, longest);
            const shown = (values, limit) => [values, { limit }];
            p.rows.update(
                ...shown(
                    Float64Array.from(f.k.flatMap((k, j) => Array.from(k, (x) => (x * b.ds[j]) / g.root))),
                    limits.dq,
                ),
            );
            p.dq.update(...shown(b.dq, limits.dq));
            p.step.update(
                ...shown(
                    b.dq.map((x) => -g.eta * x),
                    g.eta * limits.dq,
                ),
            );
            p.dw.update(
                ...shown(
                    dw.q.map((x) => -g.eta * x),
                    g.eta * limits.dq,
                ),
            );
            p.q.update(...shown(f.q, limits.q));
            p.qnew.update(
                ...shown(
                    f.q.map((x, i) => x - g.eta * b.dq[i]),
                    limits.q,
                ),
            );
            p.x.light({ rows: [row] });
            p.dw.light({ rows: [row] });
            Lens.fill(
                how,
                Lens.rich('backward.how', {
                    sum: Lens.number('backward.ds.sum', -b.ds.reduce((x, y) => x + y, 0), { digits: 6 }),
                }),
            );
            Lens.fill(mean, Lens.rich('backward.mean', { mean: Lens.number('backward.mean', b.mean) }));
            const recorded = Lens.glass.matrix('q', Lens.state.frame, 'probe');
            Lens.fill(
                same,
                recorded &&
                    Lens.rich('backward.same', {
                        x: Lens.number('backward.difference', Lens.largest(dw.q.map((x, i) => x - recorded[i]))),
                    }),
            );
        }

        return {
            update(changed) {
                if (changed.frame) applied = null;
                draw();
            },
        };
    }

    Lens.stop({
        id: 'stop-4',
        title: 'backward.title',
        short: 'backward.short',
        say: 'backward.say',
        act: 'backward.act',
        note: 'backward.note',
        needs: () => Boolean(Lens.glass.open()),
        start: () => Lens.glass.fastest(),
        make,
    });
})();
