/* Gradients: what the probe's loss asks of one query's weights, key by key, and how that becomes a change of W^Q. */
(function () {
    'use strict';
    const el = Lens.el,
        svg = Lens.svg,
        A = Lens.algebra,
        parts = Lens.parts;

    Lens.words({
        en: {
            'gradients.title': 'Gradients',
            'gradients.about':
                'What going down the probe’s loss asks of the scores of one query. An arrow up: ' +
                'this key’s value would lower the loss more than the present mix z, so its score is to rise; the ' +
                'others pay, all arrows of a query add up to zero. ' +
                'Keys with a weight near 0 or 1 hardly move, whatever they hold: −ds = −a (da − Σ a da). ' +
                'Shown is the probe’s own gradient; the batch of that step may ask for something else, and the ' +
                'optimizer for something else again.',
            'gradients.missing':
                'No gradients of a probe were recorded: heed_recorder_probe must be given a ' +
                'loss, and an attention layer must be watched.',
            'gradients.arrows': 'One query, key by key: {layer}, head {head}, {step}',
            'gradients.arrows.note': 'bar: the weight a now; arrow: −ds, where going downhill pushes the score',
            'gradients.query': 'Query',
            'gradients.weight': 'weight a',
            'gradients.push': 'push −ds',
            'gradients.da': '−da (how much more weight here would lower the loss)',
            'gradients.sum': 'sum of all pushes',
            'gradients.scale': 'Arrows',
            'gradients.scale.step': 'as long as fits this step',
            'gradients.scale.run': 'same scale at all steps',
            'gradients.all': 'All queries of this head: −ds',
            'gradients.all.note': 'Rows are queries, columns keys; pointing at a row and choosing it shows it above.',
            'gradients.dq': 'From keys to the query: −dq = Σ −ds k / √d_k',
            'gradients.dq.note':
                'Each key pulls the query along its own direction, as strongly as its arrow; ' +
                'the last row is the sum, which is where the query is to go.',
            'gradients.dq.sum': 'sum: −dq',
            'gradients.dq.error': 'sum of the rows against the recorded dq, largest difference',
            'gradients.dw': 'From the query to W^Q: xᵀ times −dq',
            'gradients.dw.note':
                'This query’s part of −dW^Q: only rows whose entry of x is not 0 move. The sum ' +
                'over all queries is the gradient that backward gave.',
            'gradients.dw.error':
                'Σ xᵀ dq against the probe’s dW^Q, largest difference as a share of the ' + 'largest entry',
            'gradients.point': '{key}: weight {a}, −da {da}, push {push}',
        },
        ru: {
            'gradients.title': 'Градиенты',
            'gradients.about':
                'Чего спуск по потерям пробы требует от оценок одного запроса. Стрелка вверх: ' +
                'значение этого ключа снизило бы потери сильнее, чем нынешняя смесь z, и его оценка должна ' +
                'вырасти; платят остальные — в сумме все стрелки запроса дают ноль. ' +
                'Ключи с весом около 0 или 1 почти не двигаются, что бы в них ни было: −ds = −a (da − Σ a da). ' +
                'Показан градиент самой пробы; пакет этого шага может просить другого, а оптимизатор — ещё ' +
                'чего-то третьего.',
            'gradients.missing':
                'Градиенты пробы не записаны: heed_recorder_probe нужна функция потерь, а за ' +
                'слоем внимания должно вестись наблюдение.',
            'gradients.arrows': 'Один запрос, ключ за ключом: {layer}, голова {head}, {step}',
            'gradients.arrows.note': 'столбик: нынешний вес a; стрелка: −ds, куда спуск толкает оценку',
            'gradients.query': 'Запрос',
            'gradients.weight': 'вес a',
            'gradients.push': 'толчок −ds',
            'gradients.da': '−da (насколько больший вес здесь снизил бы потери)',
            'gradients.sum': 'сумма всех толчков',
            'gradients.scale': 'Стрелки',
            'gradients.scale.step': 'по величине этого шага',
            'gradients.scale.run': 'один масштаб для всех шагов',
            'gradients.all': 'Все запросы этой головы: −ds',
            'gradients.all.note': 'Строки — запросы, столбцы — ключи; выбранная строка показана выше.',
            'gradients.dq': 'От ключей к запросу: −dq = Σ −ds k / √d_k',
            'gradients.dq.note':
                'Каждый ключ тянет запрос вдоль своего направления, тем сильнее, чем длиннее ' +
                'его стрелка; последняя строка — сумма, туда запрос и должен сдвинуться.',
            'gradients.dq.sum': 'сумма: −dq',
            'gradients.dq.error': 'сумма строк против записанного dq, наибольшая разница',
            'gradients.dw': 'От запроса к W^Q: xᵀ на −dq',
            'gradients.dw.note':
                'Доля этого запроса в −dW^Q: двигаются лишь строки, чья координата x не 0. ' +
                'Сумма по всем запросам и есть градиент, который дал обратный проход.',
            'gradients.dw.error': 'Σ xᵀ dq против dW^Q пробы, наибольшая разница как доля наибольшего числа',
            'gradients.point': '{key}: вес {a}, −da {da}, толчок {push}',
        },
    });

    /* All of one query: arrays over keys, and rows of width d_k. Null where something was not recorded. */
    function readQuery({ probe, attention, head, frame }, query) {
        const of = (name) => parts.watched(probe, attention, name, head, frame);
        const a = of('pattern'),
            da = of('d/pattern'),
            ds = of('d/attn_scores');
        if (!a || !ds) return null;
        const row = (m) => m && m.data.subarray(query * m.columns, (query + 1) * m.columns);
        const q = of('q'),
            dq = of('d/q');
        return {
            a: row(a),
            da: row(da),
            ds: row(ds),
            q: row(q),
            dq: row(dq),
            k: of('k'),
            allDs: ds,
            allDq: dq,
            x: of('x'),
        };
    }

    /* The query that moves most at this step, for a start. */
    function liveliest(ds) {
        let best = 0,
            most = -1;
        for (let i = 0; i < ds.rows; i++) {
            const length = A.norm(ds.data.subarray(i * ds.columns, (i + 1) * ds.columns));
            if (length > most) [best, most] = [i, length];
        }
        return best;
    }

    /* ---- bars and arrows ---- */

    const LEFT = 76,
        TEXT = 50,
        UP = 84,
        DOWN = 84,
        BAR = 70,
        BOTTOM = 26;

    function arrow(x, base, length) {
        if (Math.abs(length) < 0.5)
            return svg('line', { x1: x - 5, x2: x + 5, y1: base, y2: base, class: 'arrow-none' });
        const tip = base - length,
            head = Math.min(9, Math.abs(length)) * Math.sign(length);
        return svg('g', { class: length > 0 ? 'arrow-up' : 'arrow-down' }, [
            svg('line', { x1: x, x2: x, y1: base, y2: tip + head, 'stroke-width': 4 }),
            svg('path', { d: `M${x - 7} ${tip + head}L${x + 7} ${tip + head}L${x} ${tip}Z` }),
        ]);
    }

    /* Above: arrows of −ds; below: bars of a. `limit` is an arrow as long as there is room for. */
    function arrows(r, keys, limit, label, point) {
        const each = keys.length <= 8 ? 84 : 62,
            width = LEFT + each * keys.length,
            base = TEXT + UP,
            floor = base + DOWN + BAR,
            height = floor + BOTTOM;
        const picture = svg('svg', {
            viewBox: `0 0 ${width} ${height}`,
            width,
            height,
            role: 'img',
            'aria-label': label,
            class: 'pushes',
        });
        const axis = (y, key, at) => [
            svg('line', { x1: 0, x2: width, y1: y, y2: y, class: 'axis' }),
            svg('text', { x: 0, y: at, class: 'axis-name', text: Lens.t(key) }),
        ];
        picture.append(...axis(base, 'gradients.push', base - 8), ...axis(floor, 'gradients.weight', floor - 8));
        keys.forEach((key, j) => {
            const x = LEFT + each * (j + 0.5),
                push = -r.ds[j],
                tall = BAR * (r.a[j] || 0);
            const column = svg(
                'g',
                { class: 'key-column', on: { pointerenter: () => point(j), pointerdown: () => point(j) } },
                [
                    svg('rect', { x: x - each / 2, y: 0, width: each, height, class: 'hit' }),
                    svg('text', {
                        x,
                        y: 15,
                        class: 'key-name',
                        'text-anchor': 'middle',
                        text: parts.clip(key, each > 70 ? 9 : 7),
                    }),
                    svg('text', {
                        x,
                        y: 34,
                        class: 'small',
                        'text-anchor': 'middle',
                        text: Lens.format(push),
                        data: { name: 'gradients.push.' + j, value: push },
                    }),
                    arrow(x, base, (UP * push) / limit || 0),
                    svg('rect', { x: x - 14, y: floor - tall, width: 28, height: tall, class: 'bar-of-weight' }),
                    svg('text', {
                        x,
                        y: floor + 18,
                        class: 'small',
                        'text-anchor': 'middle',
                        text: Lens.format(r.a[j]),
                        data: { name: 'gradients.weight.' + j, value: r.a[j] },
                    }),
                ],
            );
            picture.append(column);
        });
        return picture;
    }

    /* ---- sums ---- */

    /* Keys' parts of −dq, one row each, and their sum in the last. */
    function pulls(r) {
        const n = r.k.rows,
            d = r.k.columns,
            m = A.matrix(n + 1, d);
        for (let j = 0; j < n; j++)
            for (let c = 0; c < d; c++) {
                const x = (-r.ds[j] * r.k.data[j * d + c]) / Math.sqrt(d);
                m.data[j * d + c] = x;
                m.data[n * d + c] += x;
            }
        return m;
    }

    function outer(x, y) {
        const m = A.matrix(x.length, y.length);
        for (let i = 0; i < x.length; i++) for (let j = 0; j < y.length; j++) m.data[i * y.length + j] = x[i] * y[j];
        return m;
    }

    /* Largest |Σ xᵀ dq − dW^Q| over the largest |dW^Q|; null where either is missing. */
    function checkWeights({ probe, attention, head, frame }, r) {
        const key = 'grad/' + attention.w_q,
            shape = attention.w_q && Lens.probe(probe.name).shape(key);
        if (!shape || !r.x || !r.allDq || r.x.rows !== r.allDq.rows) return null;
        const sum = A.multiply(A.transpose(r.allDq), r.x); /* (d_k, d_model), as it is stored */
        const all = Lens.probe(probe.name).value(key, frame);
        if (!all) return null;
        const given = all.subarray(head * sum.data.length, (head + 1) * sum.data.length);
        let worst = 0,
            largest = 0;
        given.forEach((g, i) => {
            worst = Math.max(worst, Math.abs(g - sum.data[i]));
            largest = Math.max(largest, Math.abs(g));
        });
        return largest ? worst / largest : 0;
    }

    function largestDifference(a, b, sign) {
        let worst = 0;
        for (let i = 0; i < a.length; i++) worst = Math.max(worst, Math.abs(a[i] - sign * b[i]));
        return worst;
    }

    /* ---- the view ---- */

    function make(root) {
        const controls = parts.controls(['layer', 'head', 'probe']);
        const queryBox = el('div', { class: 'pick' }),
            said = el('p', { class: 'pointed', 'aria-live': 'polite' });
        let fit = true;
        const scale = parts.buttons(
            Lens.t('gradients.scale'),
            [
                { value: true, text: Lens.t('gradients.scale.step') },
                { value: false, text: Lens.t('gradients.scale.run') },
            ],
            () => fit,
            (value) => {
                fit = value;
                update();
            },
        );
        const top = parts.panel(null, 'gradients.arrows.note'),
            all = parts.panel('gradients.all', 'gradients.all.note');
        const dq = parts.panel('gradients.dq', 'gradients.dq.note'),
            dw = parts.panel('gradients.dw', 'gradients.dw.note');
        const allMap = parts.picture(),
            dqMap = parts.picture(),
            dwMap = parts.picture();
        const sum = parts.figure('gradients.sum', 'gradients.sum');
        const dqError = parts.figure('gradients.dq.error', 'gradients.dq.error'),
            dwError = parts.figure('gradients.dw.error', 'gradients.dw.error');
        const scroll = el('div', { class: 'scroll', tabindex: '0', role: 'group' });
        top.body.append(scroll, said, sum.root);
        all.body.append(allMap.root);
        dq.body.append(dqMap.root, dqError.root);
        dw.body.append(dwMap.root, dwError.root);
        top.root.classList.add('wide');
        root.append(
            controls.root,
            el('div', { class: 'picks' }, [queryBox, scale.root]),
            el('div', { class: 'panels gradients' }, [top.root, all.root, dq.root, dw.root]),
        );

        const limit = (c, name) =>
            parts.limitOver([name, c.probe.name, c.attention.path, c.head].join('/'), (frame) =>
                parts.watched(c.probe, c.attention, name, c.head, frame),
            );

        function showSums(c, r, names, query) {
            /* Only scores that are products of q and k pull the query along the keys. */
            dq.root.hidden = !r.k || !r.dq || c.attention.kind === 'states';
            dw.root.hidden = dq.root.hidden || !r.x || c.attention.w_q === null;
            if (dq.root.hidden) return;
            const m = pulls(r),
                d = m.columns;
            dqMap.show({
                rows: m.rows,
                columns: d,
                values: m.data,
                rowNames: [...names.keys, Lens.t('gradients.dq.sum')],
                limit: fit ? null : limit(c, 'd/q'),
                label: Lens.t('gradients.dq'),
                name: 'gradients.dq',
            });
            dqError.update(largestDifference(m.data.subarray((m.rows - 1) * d), r.dq, -1));
            if (dw.root.hidden) return;
            const x = r.x.data.subarray(query * r.x.columns, (query + 1) * r.x.columns),
                part = outer(
                    x,
                    r.dq.map((g) => -g),
                );
            dwMap.show({
                rows: part.rows,
                columns: part.columns,
                values: part.data,
                limit: null,
                label: Lens.t('gradients.dw'),
                name: 'gradients.dw',
                rowNames: parts.entries(c.attention.query_space, part.rows),
            });
            dwError.update(checkWeights(c, r));
        }

        function update() {
            controls.update();
            scale.update();
            const c = parts.chosen(),
                names = parts.tokens(c.probe, c.attention.path);
            const ds = parts.watched(c.probe, c.attention, 'd/attn_scores', c.head, c.frame);
            [top, all, dq, dw].forEach((p) => {
                p.root.hidden = !ds;
            });
            if (!ds) return;
            const asked = Lens.state.query,
                query = asked !== null && asked !== undefined && asked < ds.rows ? asked : liveliest(ds);
            const r = readQuery(c, query);
            queryBox.replaceChildren(
                parts.select(
                    Lens.t('gradients.query'),
                    names.queries.map((text, value) => ({ value, text: value + 1 + ': ' + parts.clip(text, 24) })),
                    () => query,
                    (value) => Lens.set({ query: value }),
                ).root,
            );
            const what = { layer: Lens.safe(c.attention.path), head: c.head, step: parts.stepText(c.frame) };
            top.title('gradients.arrows', what);
            const longest = fit ? r.ds.reduce((x, y) => Math.max(x, Math.abs(y)), 0) || 1 : limit(c, 'd/attn_scores');
            const point = (j) => {
                said.textContent = Lens.t('gradients.point', {
                    key: names.keys[j],
                    a: Lens.format(r.a[j]),
                    da: r.da ? Lens.format(-r.da[j]) : '?',
                    push: Lens.format(-r.ds[j]),
                });
            };
            scroll.replaceChildren(arrows(r, names.keys, longest, Lens.t('gradients.arrows', what), point));
            scroll.setAttribute('aria-label', Lens.t('gradients.arrows', what));
            point(r.ds.reduce((best, x, j) => (-x > -r.ds[best] ? j : best), 0));
            sum.update(r.ds.reduce((x, y) => x - y, 0));
            allMap.show({
                rows: ds.rows,
                columns: ds.columns,
                values: ds.data.map((x) => -x),
                rowNames: names.queries,
                columnNames: names.keys,
                lit: { rows: [query] },
                limit: limit(c, 'd/attn_scores'),
                label: Lens.t('gradients.all'),
                name: 'gradients.all',
                onChoose: (row) => Lens.set({ query: row }),
            });
            showSums(c, r, names, query);
        }
        return { update };
    }

    parts.view({
        id: 'gradients',
        needs: () => parts.hasWatched('pattern') && parts.hasWatched('d/attn_scores'),
        make,
    });
})();
