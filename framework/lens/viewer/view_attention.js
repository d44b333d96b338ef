/* Attention: who looks at whom. One head large, all heads small; mass on the true key; what breaks without a head. */
(function () {
    'use strict';
    const el = Lens.el,
        parts = Lens.parts;

    Lens.words({
        en: {
            'attention.title': 'Attention',
            'attention.about':
                'Each row is a query, each column a key; a row’s weights add up to 1 and say from ' +
                'where its value comes. ' +
                'That is where a head looks, not why, nor whether it matters: attention is not by itself an ' +
                'explanation. ' +
                'Two better witnesses stand below, where recorded: the weight on the key known to be right, and ' +
                'what breaks when the head is switched off.',
            'attention.missing':
                'No attention pattern was recorded: give the recorder a probe ' +
                '(heed_recorder_probe) whose forward runs an attention layer.',
            'attention.large': '{layer}, head {head}, {step}',
            'attention.rows': 'Rows: [q|queries]; columns: [k|keys]; {kind}.{framed}{said}',
            'attention.framed': ' Framed: the true key.',
            'attention.said': ' Named 3≠5: here the model answered 3, and 5 was right.',
            'attention.point': '[q|{query}] looks at [k|{key}] with weight {x}',
            'attention.pin.hint': 'Pin this map, then move to another step, head or layer: both stay in view.',
            'attention.now': '{what}',
            'attention.pinned': 'Pinned: {what}',
            'attention.moved': 'share of a row’s weight that lies on other keys than in the pinned map, mean',
            'attention.all': 'All heads at this step: choose one. Per cent: weight on the true key, where known',
            'attention.head': 'head {head}',
            'attention.button': '{layer}, head {head}',
            'attention.mass.title': 'Weight on the true key',
            'attention.mass.note':
                'Mean over the queries whose true key is known; {n} of {all} on this probe. ' +
                'Looking evenly at {keys} keys gives {even}. Bold: the chosen head; thin: the others.',
            'attention.mass.chosen': 'chosen head, now',
            'attention.weight': 'weight',
            'attention.ablation': 'Without a head',
            'attention.ablation.note':
                'What each metric becomes when one head’s output is set to 0 after ' +
                'training. A head whose absence changes nothing may still be backed up by another.',
            'attention.ablation.none':
                'No ablations were recorded ({call}): what breaks without ' + 'a head is not known here.',
            'attention.ablation.whole': 'with all heads',
            'attention.ablation.one': 'without head {head}',
        },
        ru: {
            'attention.title': 'Внимание',
            'attention.about':
                'Строка — запрос, столбец — ключ; веса строки в сумме дают 1 и говорят, откуда ' +
                'берётся её значение. ' +
                'Это то, куда голова смотрит, но не почему и не насколько это важно: внимание само по себе ещё ' +
                'не объяснение. ' +
                'Ниже — два свидетеля понадёжнее, если они записаны: вес на заведомо верном ключе и то, что ' +
                'ломается, когда голову отключают.',
            'attention.missing':
                'Картина внимания не записана: дайте регистратору пробу (heed_recorder_probe), ' +
                'прямой проход которой содержит слой внимания.',
            'attention.large': '{layer}, голова {head}, {step}',
            'attention.rows': 'Строки: [q|запросы]; столбцы: [k|ключи]; {kind}.{framed}{said}',
            'attention.framed': ' В рамке: верный ключ.',
            'attention.said': ' Имя 3≠5: здесь модель ответила 3, а верно 5.',
            'attention.point': '[q|{query}] смотрит на [k|{key}] с весом {x}',
            'attention.pin.hint':
                'Закрепите эту карту, затем перейдите к другому шагу, голове или слою: обе останутся на виду.',
            'attention.pinned': 'Закреплено: {what}',
            'attention.moved': 'доля веса строки, лежащая на других ключах, чем на закреплённой карте, в среднем',
            'attention.all': 'Все головы на этом шаге: выберите одну. Проценты: вес на верном ключе, где он известен',
            'attention.head': 'голова {head}',
            'attention.button': '{layer}, голова {head}',
            'attention.mass.title': 'Вес на верном ключе',
            'attention.mass.note':
                'Среднее по запросам, чей верный ключ известен; в этой пробе {n} из {all}. ' +
                'Если смотреть на все {keys} ключей поровну, выходит {even}. Жирная линия — выбранная голова, ' +
                'тонкие — остальные.',
            'attention.mass.chosen': 'выбранная голова сейчас',
            'attention.weight': 'вес',
            'attention.ablation': 'Без одной головы',
            'attention.ablation.note':
                'Каким становится каждый показатель, когда после обучения выход одной головы ' +
                'заменяют нулём. Голову, без которой ничего не меняется, может подменять другая.',
            'attention.ablation.none':
                'Отключения голов не записаны ({call}): что ломается без ' + 'головы, здесь неизвестно.',
            'attention.ablation.whole': 'со всеми головами',
            'attention.ablation.one': 'без головы {head}',
        },
    });

    const pattern = (probe, attention, head, frame) => parts.watched(probe, attention, 'pattern', head, frame);

    /* Mean weight on the true key, over queries that have one; null where none is known. */
    function massOnTruth(m, alignment) {
        if (!m || !alignment) return null;
        let sum = 0,
            n = 0;
        alignment.forEach((key, query) => {
            if (key < 0 || key >= m.columns || query >= m.rows) return;
            sum += m.data[query * m.columns + key];
            n++;
        });
        return n ? sum / n : null;
    }

    /* ---- all heads, small ---- */

    function draw(canvas, m) {
        canvas.width = m.columns;
        canvas.height = m.rows;
        const context = canvas.getContext('2d'),
            image = context.createImageData(m.columns, m.rows);
        m.data.forEach((x, i) => image.data.set([...(Lens.shade(x, 1) || [0, 0, 0]), 255], 4 * i));
        context.putImageData(image, 0, 0);
    }

    function headButton(attention, head) {
        const canvas = el('canvas', { 'aria-hidden': 'true' });
        const mass = el('span', { class: 'quiet', data: { name: 'attention.mass.' + attention.path + '.' + head } });
        const button = el(
            'button',
            {
                type: 'button',
                class: 'head',
                'aria-label': Lens.t('attention.button', { layer: Lens.safe(attention.path), head }),
                on: { click: () => Lens.set({ layer: attention.path, head, query: null }) },
            },
            [canvas, el('span', { text: Lens.t('attention.head', { head }) }), mass],
        );
        function update({ probe, attention: current, head: chosenHead, frame }) {
            button.setAttribute('aria-pressed', String(current === attention && chosenHead === head));
            const m = pattern(probe, attention, head, frame);
            button.hidden = !m;
            if (!m) return;
            draw(canvas, m);
            const on = massOnTruth(m, parts.tokens(probe, attention.path).alignment);
            mass.hidden = on === null;
            mass.textContent = Number.isFinite(on) ? Math.round(100 * on) + ' %' : '–';
            mass.dataset.value = String(on);
        }
        return { button, update };
    }

    function allHeads() {
        const buttons = [];
        const rows = parts.layers().map((attention) => {
            const own = Array.from({ length: attention.heads }, (_, head) => headButton(attention, head));
            buttons.push(...own);
            return el('div', { class: 'layer-heads' }, [
                el('span', { class: 'layer-name', text: Lens.safe(attention.path) }),
                el(
                    'div',
                    { class: 'heads' },
                    own.map((b) => b.button),
                ),
            ]);
        });
        return { root: el('div', { class: 'all-heads' }, rows), update: (c) => buttons.forEach((b) => b.update(c)) };
    }

    /* ---- weight on the true key over training ---- */

    function massPanel() {
        const p = parts.panel('attention.mass.title');
        let shown = '',
            curves = null,
            masses = null;
        const series = (chosenHead) =>
            masses.map((y, head) => ({
                name: 'attention.mass[' + head + ']',
                label: Lens.t('attention.head', { head }),
                x: Lens.steps,
                y,
                colour: '--ink',
                faint: head !== chosenHead,
            }));
        const at = parts.figure('attention.mass.at', 'attention.mass.chosen');
        function update({ probe, attention, head, frame }) {
            const names = parts.tokens(probe, attention.path),
                m = pattern(probe, attention, head, frame),
                now = probe.name + '/' + attention.path;
            p.root.hidden = massOnTruth(m, names.alignment) === null;
            if (p.root.hidden) return;
            if (shown !== now) {
                masses = Array.from({ length: attention.heads }, (_, h) =>
                    Lens.steps.map((_step, f) => massOnTruth(pattern(probe, attention, h, f), names.alignment)),
                );
                curves = Lens.curves({
                    series: series(head),
                    label: Lens.t('attention.mass.title'),
                    xLabel: Lens.t('step'),
                    yRange: [0, 1],
                    name: 'attention.mass',
                    key: false,
                    marker: Lens.steps[frame],
                    pick: (step) => Lens.set({ frame: Lens.frameOf(step), playing: false }),
                });
                Lens.fill(p.body, [curves, at.root]);
            } else curves.update({ series: series(head), marker: Lens.steps[frame] });
            shown = now;
            at.update(masses[head][frame]);
            p.note('attention.mass.note', {
                n: names.alignment.filter((k) => k >= 0).length,
                all: names.alignment.length,
                keys: m.columns,
                even: Lens.format(1 / m.columns),
            });
        }
        return { root: p.root, update };
    }

    /* ---- what breaks without a head ---- */

    function ablationPanel() {
        const p = parts.panel('attention.ablation');
        function metricOf(attention, metric, all, head) {
            const whole = all[0].whole,
                values = [whole, ...all.map((a) => a.without)];
            return Lens.bars({
                names: [
                    Lens.t('attention.ablation.whole'),
                    ...all.map((a) => Lens.t('attention.ablation.one', { head: a.head })),
                ],
                values,
                limit: Lens.largest(values) || 1,
                label: metric,
                strong: 1 + all.findIndex((a) => a.head === head),
                name: 'ablation.' + attention.path,
            });
        }
        function update({ attention, head }) {
            const own = (Lens.data.ablations || []).filter((a) => a.path === attention.path);
            const metrics = [...new Set(own.map((a) => a.metric))];
            p.note(own.length ? 'attention.ablation.note' : 'attention.ablation.none', {
                call: 'heed_recorder_ablation',
            });
            Lens.fill(
                p.body,
                metrics.map((metric) => [
                    el('p', { class: 'metric', text: metric }),
                    metricOf(
                        attention,
                        metric,
                        own.filter((a) => a.metric === metric),
                        head,
                    ),
                ]),
            );
        }
        return { root: p.root, update };
    }

    /* ---- a map, large ---- */

    /* What a choice {run, probe, layer, head, frame} shows, by paths and names, in its own run; null: nothing. */
    const seen = (choice) =>
        Lens.within(choice.run, () => {
            const attention = parts.layers().find((a) => a.path === choice.layer),
                probe = parts.probes().find((p) => p.name === choice.probe);
            const m = attention && probe && pattern(probe, attention, choice.head, choice.frame);
            const names = m && parts.answers(probe, choice.layer, choice.frame);
            return m ? { attention, m, names, step: parts.stepText(choice.frame) } : null;
        });

    /* key: of the words for the title. `name` begins the data-names. */
    function mapPanel(key, name) {
        const p = parts.panel(),
            map = parts.picture();
        p.body.append(map.root);
        function show(choice) {
            const is = choice && seen(choice);
            p.root.hidden = !is;
            if (!is) return;
            const { attention, m, names, step } = is;
            const what = Lens.t('attention.large', { layer: Lens.safe(choice.layer), head: choice.head, step });
            const label = Lens.t(key, { what: parts.ofRun(Lens.t, what, choice.run) });
            p.title(key, { what: parts.ofRun(Lens.rich, what, choice.run) });
            const truth = (names.alignment || []).map((to, query) => [query, to]).filter(([, to]) => to >= 0);
            p.note('attention.rows', {
                kind: Lens.t('parts.kind.' + attention.kind),
                framed: truth.length ? Lens.t('attention.framed') : '',
                said: names.answered ? Lens.t('attention.said') : '',
            });
            map.show({
                rows: m.rows,
                columns: m.columns,
                values: m.data,
                rowNames: names.queries,
                columnNames: names.keys,
                limit: 1,
                from: 0,
                unit: Lens.t('attention.weight'),
                label,
                name,
                lit: { cells: truth },
                numbers: true,
                digits: 2,
                most: 60,
                describe: (query, to, x) =>
                    Lens.rich('attention.point', {
                        query: names.queries[query],
                        key: names.keys[to],
                        x: Lens.number(name + '.at', x, { class: 'strong' }),
                    }),
            });
        }
        return { ...p, show };
    }

    /* Half the sum of differences, row by row: 0 for the same map, 1 where no row looks at a key that it looked at. */
    function moved(a, b) {
        if (!a || !b || a.m.rows !== b.m.rows || a.m.columns !== b.m.columns) return null;
        return a.m.data.reduce((sum, x, i) => sum + Math.abs(x - b.m.data[i]), 0) / 2 / a.m.rows;
    }

    /* ---- the view ---- */

    function chosen() {
        const { attention, probe, head, frame } = parts.chosen();
        return { run: Lens.run, probe: probe.name, layer: attention.path, head, frame };
    }

    function make(root) {
        const controls = parts.controls(['layer', 'head', 'probe']);
        const pin = parts.pin('pinnedMap', 'attention.pin', 'attention.pin.hint', chosen, seen);
        const large = mapPanel('attention.now', 'attention.pattern'),
            pinned = mapPanel('attention.pinned', 'attention.pinned'),
            difference = parts.figure('attention.moved', 'attention.moved'),
            all = allHeads(),
            mass = massPanel(),
            ablation = ablationPanel();
        const thumbs = parts.panel('attention.all', null, all.root);
        const several = parts.layers().reduce((sum, a) => sum + a.heads, 0) > 1;
        pinned.body.append(difference.root);
        root.append(
            controls.root,
            pin.root,
            el('div', { class: 'attention-columns' }, [
                el('div', { class: 'stack' }, [large.root, pinned.root, mass.root, ablation.root]),
                several ? el('div', { class: 'stack' }, [thumbs.root]) : null,
            ]),
        );

        function update() {
            controls.update();
            pin.update();
            const c = parts.chosen(),
                held = pin.held();
            large.show(chosen());
            pinned.show(held);
            difference.update(held && moved(seen(chosen()), seen(held)));
            all.update(c);
            mass.update(c);
            ablation.update(c);
        }
        return { update };
    }

    parts.view({ id: 'attention', needs: () => parts.hasWatched('pattern'), make });
})();
