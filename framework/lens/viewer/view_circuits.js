/* Circuits: what a head's matrices do together to named tokens, and to places; scores of what it does on the probe. */
(function () {
    'use strict';
    const el = Lens.el,
        A = Lens.algebra,
        parts = Lens.parts,
        circuits = Lens.circuits;

    Lens.words({
        en: {
            'circuits.title': 'Circuits',
            'circuits.about':
                'W^Q and W^K only ever act together, and so do W^V and W^O. QK: how well a query ' +
                'token (row) matches a key token (column), whatever the coordinates between. OV: what looking at ' +
                'a token (row) adds to each output (column). ' +
                'This is the direct path only, from embedding to embedding: layer norms, biases, feed-forward ' +
                'blocks and what other layers write in between are left out, so in deep models it is a part of ' +
                'the truth.',
            'circuits.missing':
                'These need W^Q and W^K in the recording, and names for what goes in: ' +
                'heed_recorder_attention with its spaces, heed_recorder_space with names and embedding.',
            'circuits.qk': 'QK: who matches whom',
            'circuits.qk.note':
                '{formula}{where}: rows are queries, columns keys; the score before it is divided by √d_k.{shown}',
            'circuits.where.e': ', where E has a row for each token, its vector',
            'circuits.where.u': ', where U has a row for each token of the columns, its vector',
            'circuits.where.eu':
                ', where E has a row for each token of the rows, its vector, and U one for each of the columns',
            'circuits.pin.hint': 'Pin this QK, then move to another step, head or layer: both stay in view.',
            'circuits.pinned': 'Pinned QK: {what}',
            'circuits.pinned.what': '{layer}, head {head}, {step}',
            'circuits.alike':
                'now and pinned, cosine: 1 where both score all pairs in the same proportions, about 0 where they have ' +
                'nothing in common',
            'circuits.ov': 'OV: what looking adds',
            'circuits.ov.note':
                '{formula}{where}: rows are the tokens looked at, columns what they add to in the output.{shown}',
            'circuits.ov.alone':
                'There is no W^O or no named output space in the recording, so OV has no names ' + 'on its way out.',
            'circuits.positions': 'Positions: who matches where',
            'circuits.positions.note':
                'P W^Q W^Kᵀ Pᵀ: rows are positions of queries, columns positions of keys. ' +
                'A line below the diagonal: this head looks back a fixed distance.',
            'circuits.through': 'Through an earlier layer',
            'circuits.through.note':
                'Keys read what an earlier head has moved there: E W^Q (E W^V W^O W^K)ᵀ, ' +
                'with W^V and W^O of {layer}, head {head}. Where the earlier head looks at the token before, a ' +
                'diagonal means: queries match places that follow their own token, as an induction head does.',
            'circuits.through.none':
                'No earlier layer writes what this layer’s keys read, so there is no path ' + 'through one.',
            'circuits.through.pick': 'Earlier head',
            'circuits.through.share': 'composition',
            'circuits.through.share.note':
                'Composition: size of the product over the product of sizes; ' +
                'unrelated matrices give about the same for all heads, so look for one that stands out.',
            'circuits.scores': 'What the head does on this probe',
            'circuits.scores.note': 'Means over the queries to which the question applies; each between 0 and 1.',
            'circuits.copying': 'copying: tokens whose own output OV raises most',
            'circuits.matching': 'matching: tokens whose own key QK likes most',
            'circuits.previous': 'previous token: weight on the place just before',
            'circuits.prefix': 'prefix matching: weight on what followed the same token earlier',
            'circuits.same': 'duplicate: weight on earlier copies of the same token',
            'circuits.shown': 'Shown are {n} of {all} names.',
        },
        ru: {
            'circuits.title': 'Схемы',
            'circuits.about':
                'W^Q и W^K действуют только вместе, W^V и W^O — тоже. QK: насколько токен-запрос ' +
                '(строка) подходит токену-ключу (столбец), какими бы ни были координаты между ними. OV: что ' +
                'взгляд на токен (строка) добавляет к каждому выходу (столбец). ' +
                'Это лишь прямой путь от вложения к вложению: нормировки, сдвиги, блоки прямого распространения ' +
                'и то, что между ними пишут другие слои, не учтены — в глубоких моделях это часть правды.',
            'circuits.missing':
                'Нужны W^Q и W^K в записи и имена для входа: heed_recorder_attention с ' +
                'пространствами, heed_recorder_space с именами и вложением.',
            'circuits.qk': 'QK: кто кому подходит',
            'circuits.qk.note':
                '{formula}{where}: строки — запросы, столбцы — ключи; оценка до деления на √d_k.{shown}',
            'circuits.where.e': ', где строки E — векторы токенов',
            'circuits.where.u': ', где строки U — векторы токенов столбцов',
            'circuits.where.eu': ', где строки E — векторы токенов строк, а строки U — столбцов',
            'circuits.pin.hint': 'Закрепите эту QK, затем перейдите к другому шагу, голове или слою: обе останутся на виду.',
            'circuits.pinned': 'Закреплённая QK: {what}',
            'circuits.pinned.what': '{layer}, голова {head}, {step}',
            'circuits.alike':
                'сейчас и закреплённое, косинус: 1, если обе оценивают все пары в одних долях, около 0, если общего нет',
            'circuits.ov': 'OV: что добавляет взгляд',
            'circuits.ov.note':
                '{formula}{where}: строки — токены, на которые смотрят, столбцы — что они добавляют на выходе.{shown}',
            'circuits.ov.alone':
                'В записи нет W^O или названного пространства выхода, поэтому у OV нет имён на ' + 'выходе.',
            'circuits.positions': 'Места: кто подходит какому месту',
            'circuits.positions.note':
                'P W^Q W^Kᵀ Pᵀ: строки — места запросов, столбцы — места ключей. Линия ' +
                'под диагональю: голова смотрит на постоянное расстояние назад.',
            'circuits.through': 'Через более ранний слой',
            'circuits.through.note':
                'Ключи читают то, что туда перенесла более ранняя голова: E W^Q (E W^V W^O ' +
                'W^K)ᵀ, где W^V и W^O — слоя {layer}, головы {head}. Если ранняя голова смотрит на предыдущий ' +
                'токен, диагональ значит: запросу подходят места сразу за его собственным токеном, как у ' +
                'индукционной головы.',
            'circuits.through.none':
                'Ни один более ранний слой не пишет того, что читают ключи этого слоя, так ' +
                'что пути через него нет.',
            'circuits.through.pick': 'Ранняя голова',
            'circuits.through.share': 'сцепление',
            'circuits.through.share.note':
                'Сцепление: величина произведения к произведению величин; у не ' +
                'связанных матриц оно почти одинаково для всех голов, ищите ту, что выделяется.',
            'circuits.scores': 'Что голова делает на этой пробе',
            'circuits.scores.note': 'Средние по запросам, к которым вопрос применим; каждое от 0 до 1.',
            'circuits.copying': 'копирование: токены, чей собственный выход OV поднимает сильнее всего',
            'circuits.matching': 'узнавание: токены, чей собственный ключ QK предпочитает всем',
            'circuits.previous': 'предыдущий токен: вес на месте прямо перед запросом',
            'circuits.prefix': 'продолжение: вес на том, что раньше шло за таким же токеном',
            'circuits.same': 'повтор: вес на прежних копиях того же токена',
            'circuits.shown': 'Показаны {n} имён из {all}.',
        },
    });

    /* A panel with one picture; show(null): hidden. */
    function mapPanel(name, note) {
        const p = parts.panel(name, note),
            map = parts.picture();
        p.body.append(map.root);
        p.show = (m, limit, rows, columns) => {
            p.body.hidden = !m;
            if (m)
                map.show({
                    rows: m.rows,
                    columns: m.columns,
                    values: m.data,
                    rowNames: rows,
                    columnNames: columns,
                    limit,
                    label: Lens.t(name),
                    name,
                });
        };
        return p;
    }

    const numbers = (n) => Array.from({ length: n }, (_, i) => String(i + 1));
    const limit = (c, what, of) =>
        parts.limitOver(['circuit', what, c.attention.path, c.head, c.probe && c.probe.name].join('/'), of);

    function shownNote(spaces) {
        const cut = spaces.find((s) => s && s.which.length < s.space.names.length);
        return cut ? ' ' + Lens.t('circuits.shown', { n: cut.which.length, all: cut.space.names.length }) : '';
    }

    /* The product between two spaces, as a formula: a space without an embedding has its names on x's own entries, and
     * one with another embedding than the rows' has another letter. */
    function formulaOf(rows, middle, columns) {
        const e = rows && rows.space.embedding,
            u = columns && columns.space.embedding,
            own = u && u !== e;
        const where = e && own ? 'eu' : own ? 'u' : e ? 'e' : '';
        return {
            formula: (e ? 'E ' : '') + middle + (u ? (own ? ' Uᵀ' : ' Eᵀ') : ''),
            where: where && Lens.t('circuits.where.' + where),
        };
    }

    /* ---- the path through an earlier head ---- */

    function throughPanel() {
        const p = parts.panel('circuits.through');
        const place = el('div', { class: 'picks' }),
            map = parts.picture(),
            share = parts.figure('circuits.composition', 'circuits.through.share');
        p.body.append(
            place,
            map.root,
            share.root,
            el('p', { class: 'note' }, Lens.rich('circuits.through.share.note')),
        );
        let chosen = null,
            c = null;
        const label = (h) => Lens.safe(h.attention.path) + ', ' + h.head;
        function update(current, queries, keys) {
            c = current;
            const heads = circuits.earlierHeads(c),
                any = heads.length > 0 && queries && keys;
            p.body.hidden = !any;
            p.note('circuits.through.none');
            if (!any) return;
            /* The one that composes most, unless one was chosen. */
            const shares = heads.map((h) => circuits.composition(c, h, c.frame));
            const at = Math.max(
                0,
                chosen ? heads.findIndex((h) => label(h) === chosen) : shares.indexOf(Math.max(...shares)),
            );
            const earlier = heads[at];
            place.replaceChildren(
                parts.select(
                    Lens.t('circuits.through.pick'),
                    heads.map((h, i) => ({ value: label(h), text: label(h) + ' (' + Lens.format(shares[i]) + ')' })),
                    () => label(earlier),
                    (value) => {
                        chosen = value;
                        update(c, queries, keys);
                    },
                ).root,
            );
            p.note('circuits.through.note', { layer: Lens.safe(earlier.attention.path), head: earlier.head });
            const of = (frame) => circuits.through(c, earlier, queries, keys, frame),
                m = of(c.frame);
            map.show({
                rows: m.rows,
                columns: m.columns,
                values: m.data,
                rowNames: queries.names,
                columnNames: keys.names,
                limit: limit(c, 'through/' + label(earlier), of),
                label: Lens.t('circuits.through'),
                name: 'circuits.through',
            });
            share.update(shares[at]);
        }
        return { root: p.root, update };
    }

    /* ---- the view ---- */

    function scoresPanel() {
        const p = parts.panel('circuits.scores', 'circuits.scores.note');
        const figures = ['previous', 'prefix', 'same', 'matching', 'copying'].map((name) => [
            name,
            parts.figure('circuits.' + name, 'circuits.' + name),
        ]);
        p.body.append(...figures.map(([, f]) => f.root));
        return { root: p.root, update: (scores) => figures.forEach(([name, f]) => f.update(scores[name])) };
    }

    /* ---- pinning ---- */

    function chosen() {
        const { attention, probe, head, frame } = parts.chosen();
        return { run: Lens.run, layer: attention.path, probe: probe && probe.name, head, frame };
    }

    /* QK of what is chosen or pinned, in its own run: {m, rows, columns, limit}; null: there is none. */
    const seen = (choice) =>
        Lens.within(choice.run, () => {
            const attention = parts.layers().find((a) => a.path === choice.layer),
                probe = parts.probes().find((p) => p.name === choice.probe) || null;
            if (!attention) return null;
            const c = { attention, probe, head: choice.head, frame: choice.frame };
            const queries = circuits.spaceFor(attention.query_space, c),
                keys = circuits.spaceFor(attention.key_space, c);
            const of = (frame) => circuits.qk(c, queries, keys, frame),
                m = of(choice.frame);
            return m && { m, rows: queries.names, columns: keys.names, limit: limit(c, 'qk', of) };
        });

    function pinnedPanel() {
        const p = mapPanel('circuits.pinned'),
            alike = parts.figure('circuits.alike', 'circuits.alike');
        p.root.append(alike.root);
        function update(held) {
            const kept = held && seen(held),
                now = kept && seen(chosen());
            p.root.hidden = !kept;
            if (!kept) return;
            const step = Lens.within(held.run, () => parts.stepText(held.frame));
            const what = Lens.t('circuits.pinned.what', { layer: Lens.safe(held.layer), head: held.head, step });
            p.title('circuits.pinned', { what: parts.ofRun(Lens.t, what, held.run) });
            p.show(kept.m, kept.limit, kept.rows, kept.columns);
            const same = now && now.rows.join() === kept.rows.join() && now.columns.join() === kept.columns.join();
            alike.update(same ? A.dot(now.m.data, kept.m.data) / (A.norm(now.m.data) * A.norm(kept.m.data)) : null);
        }
        return { root: p.root, update };
    }

    function make(root) {
        const controls = parts.controls(['layer', 'head', 'probe']);
        const pin = parts.pin('pinnedCircuit', 'circuits.pin', 'circuits.pin.hint', chosen, seen),
            pinned = pinnedPanel();
        const qk = mapPanel('circuits.qk'),
            ov = mapPanel('circuits.ov');
        const places = mapPanel('circuits.positions', 'circuits.positions.note');
        const through = throughPanel(),
            scores = scoresPanel();
        root.append(
            controls.root,
            pin.root,
            el('div', { class: 'panels circuits' }, [qk.root, pinned.root, ov.root, scores.root, places.root, through.root]),
        );

        function update() {
            controls.update();
            pin.update();
            pinned.update(pin.held());
            const c = parts.chosen(),
                a = c.attention;
            const queries = circuits.spaceFor(a.query_space, c),
                keys = circuits.spaceFor(a.key_space, c),
                out = circuits.spaceFor(a.out_space, c);
            const qkOf = (frame) => circuits.qk(c, queries, keys, frame),
                ovOf = (frame) => circuits.ov(c, keys, out, frame);
            const placesOf = (frame) => circuits.positions(c, queries, keys, frame);
            const qkNow = qkOf(c.frame),
                ovNow = ovOf(c.frame),
                placesNow = placesOf(c.frame);
            qk.root.hidden = !qkNow;
            qk.show(qkNow, qkNow && limit(c, 'qk', qkOf), queries && queries.names, keys && keys.names);
            qk.note('circuits.qk.note', {
                ...formulaOf(queries, 'W^Q W^Kᵀ', keys),
                shown: shownNote([queries, keys]),
            });
            ov.show(ovNow, ovNow && limit(c, 'ov', ovOf), keys && keys.names, out && out.names);
            ov.note(ovNow ? 'circuits.ov.note' : 'circuits.ov.alone', {
                ...formulaOf(keys, 'W^V W^O', out),
                shown: shownNote([keys, out]),
            });
            places.root.hidden = !placesNow;
            places.show(
                placesNow,
                placesNow && limit(c, 'positions', placesOf),
                placesNow && numbers(placesNow.rows),
                placesNow && numbers(placesNow.columns),
            );
            through.update(c, queries, keys);
            scores.update({
                ...circuits.patternScores(c),
                matching: circuits.ownLargest(qkNow, queries && queries.names, keys && keys.names),
                copying: circuits.ownLargest(ovNow, keys && keys.names, out && out.names),
            });
        }
        return { update };
    }

    const shows = (a) => {
        const c = { attention: a, probe: parts.chosen().probe, head: 0, frame: 0 };
        return circuits.qk(c, circuits.spaceFor(a.query_space, c), circuits.spaceFor(a.key_space, c), 0) !== null;
    };
    parts.view({ id: 'circuits', needs: () => parts.layers().some(shows), make });
})();
