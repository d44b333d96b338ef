/* Learning: losses, metrics, sizes of gradients; and the spectra of one head's matrices, worked out in the page. */
(function () {
    'use strict';
    const el = Lens.el,
        A = Lens.algebra,
        parts = Lens.parts;

    Lens.words({
        en: {
            'learning.title': 'Learning',
            'learning.about':
                'Top: what the run reported at every step, and how large the gradients of one ' +
                'head’s matrices were. ' +
                'Below: in how many directions these matrices work. They start as noise, which spreads over all ' +
                'directions alike; what is learned shows in the largest singular values, and in the products sooner than ' +
                'in each matrix alone. ' +
                'A falling loss says that something was learned, not what: for that see the other views.',
            'learning.missing': 'No numbers were recorded: call heed_recorder_scalar with the loss at each step.',
            'learning.loss': 'Loss',
            'learning.loss.note':
                'Of the batch at each step, and of each probe at the recorded steps. A click ' + 'goes to that step.',
            'learning.batch': 'batch',
            'learning.probe': 'probe {name}',
            'learning.other': 'reported by the run',
            'learning.norms': 'Size of the gradients',
            'learning.norms.note': 'Root of the sum of squares, of the batch’s gradient: head {head} of {layer}.',
            'learning.rank': 'Effective rank',
            'learning.rank.note':
                'In how many directions each matrix works: e to the entropy of its singular ' +
                'values; {n} equal ones give {n}. [q|W^Q][k|W^K]ᵀ is what scores are made of, [v|W^V]W^O what ' +
                'looking adds.',
            'learning.rank.working': 'being worked out …',
            'learning.spectrum': 'Singular values',
            'learning.spectrum.note': 'Largest first: now (line), and at the first recorded step (dashed).',
            'learning.spectrum.none':
                'For spectra and sizes of gradients record the parameters of an attention ' +
                'layer (params of the recorder).',
            'learning.now': 'step {step}',
            'learning.number': 'number',
            'learning.of': 'Of',
        },
        ru: {
            'learning.title': 'Обучение',
            'learning.about':
                'Вверху: о чём сообщал сам запуск на каждом шаге и как велики были градиенты ' +
                'матриц одной головы. ' +
                'Ниже: в скольких направлениях работают эти матрицы. Вначале они — шум, одинаковый во всех ' +
                'направлениях; выученное видно по наибольшим сингулярным числам, и в произведениях раньше, чем в каждой ' +
                'матрице отдельно. ' +
                'Падение потерь говорит, что нечто выучено, но не что именно: это покажут другие виды.',
            'learning.missing': 'Числа не записаны: вызывайте heed_recorder_scalar с потерями на каждом шаге.',
            'learning.loss': 'Потери',
            'learning.loss.note':
                'Пакета на каждом шаге и каждой пробы на записанных шагах. Щелчок ведёт к ' + 'этому шагу.',
            'learning.batch': 'пакет',
            'learning.probe': 'проба {name}',
            'learning.other': 'сообщено запуском',
            'learning.norms': 'Величина градиентов',
            'learning.norms.note': 'Корень из суммы квадратов градиента пакета: голова {head} слоя {layer}.',
            'learning.rank': 'Действующий ранг',
            'learning.rank.note':
                'В скольких направлениях работает матрица: e в степени энтропии её сингулярных ' +
                'чисел; {n} равных дают {n}. [q|W^Q][k|W^K]ᵀ — то, из чего делаются оценки, [v|W^V]W^O — то, что ' +
                'добавляет взгляд.',
            'learning.rank.working': 'вычисляется …',
            'learning.spectrum': 'Сингулярные числа',
            'learning.spectrum.note': 'От наибольшего: сейчас (линия) и на первом записанном шаге (пунктир).',
            'learning.spectrum.none':
                'Для спектров и величины градиентов запишите параметры слоя внимания ' + '(params регистратора).',
            'learning.now': 'шаг {step}',
            'learning.number': 'номер',
            'learning.of': 'Чего',
        },
    });

    const goTo = (step) => Lens.set({ frame: Lens.frameOf(step), playing: false });
    const stepNow = () => Lens.steps[Lens.state.frame];

    /* ---- scalars ---- */

    function scalarCurves(names, title, options) {
        const series = names.map(([name, label, colour]) => {
            const s = Lens.data.scalars[name];
            return { name: 'scalar.' + name, label, x: s.step, y: s.value, colour };
        });
        return Lens.curves({
            series,
            label: title,
            xLabel: Lens.t('step'),
            marker: stepNow(),
            pick: goTo,
            name: 'learning.' + names[0][0],
            ...options,
        });
    }

    function lossPanel() {
        const names = [],
            probe = /^probe\.(.*)\.loss$/;
        for (const name of Object.keys(Lens.data.scalars)) {
            if (name === 'loss') names.unshift([name, Lens.t('learning.batch'), '--ink']);
            else if (probe.test(name))
                names.push([name, Lens.t('learning.probe', { name: Lens.safe(probe.exec(name)[1]) }), '--gradient']);
        }
        const p = parts.panel('learning.loss', 'learning.loss.note');
        const curves = names.length
            ? scalarCurves(names, Lens.t('learning.loss'), { height: 200, yRange: [0, null] })
            : null;
        if (curves) p.body.append(curves);
        p.root.hidden = !curves;
        return { root: p.root, update: () => curves && curves.update({ marker: stepNow() }) };
    }

    /* Whatever else the run reported, a small picture each. */
    function otherPanels() {
        const names = Object.keys(Lens.data.scalars).filter((n) => n !== 'loss' && !/^probe\..*\.loss$/.test(n));
        return names.slice(0, 24).map((name) => {
            const curves = scalarCurves([[name, Lens.safe(name), '--ink']], Lens.safe(name), { height: 130 });
            const root = el('section', { class: 'card panel' }, [
                el('h3', { class: 'panel-title', text: name }),
                curves,
            ]);
            return { root, update: () => curves.update({ marker: stepNow() }) };
        });
    }

    /* ---- one head's matrices over the recorded steps ---- */

    const kinds = ['q', 'k', 'v', 'o', 'qk', 'vo'];
    const label = (kind) => Lens.t('parts.name.' + kind);
    const colourOf = (kind) => parts.matrixColours[kind] || '--gradient';

    function valuesOf(attention, head, kind, frame) {
        const of = (letter) => A.ofHead(attention, letter, head, frame);
        if (kind.length === 1) return of(kind) && A.singularValues(of(kind));
        const left = of(kind[0]),
            right = of(kind[1]);
        if (!left || !right) return null;
        return A.singularValuesOfProduct(left, kind === 'vo' ? A.transpose(right) : right);
    }

    function normsPanel() {
        const p = parts.panel('learning.norms');
        let key = '',
            curves = null;
        function update({ attention, head, frame }) {
            const there = attention ? parts.letters.filter((l) => A.ofHead(attention, l, head, 0, 'grad')) : [];
            p.root.hidden = !there.length;
            if (p.root.hidden) return;
            if (key !== attention.path + '/' + head) {
                const frames = Lens.keptFrames();
                const series = there.map((letter) => ({
                    name: 'learning.norm.' + letter,
                    label: parts.matrixText(letter),
                    title: () => parts.matrixName(letter),
                    colour: parts.matrixColours[letter],
                    x: frames.map((f) => Lens.steps[f]),
                    y: frames.map((f) => A.norm(A.ofHead(attention, letter, head, f, 'grad').data)),
                }));
                curves = Lens.curves({
                    series,
                    label: Lens.t('learning.norms'),
                    xLabel: Lens.t('step'),
                    yRange: [0, null],
                    name: 'learning.norms',
                    pick: goTo,
                    marker: Lens.steps[frame],
                });
                Lens.fill(p.body, curves);
            } else curves.update({ marker: Lens.steps[frame] });
            key = attention.path + '/' + head;
            p.note('learning.norms.note', { head, layer: Lens.safe(attention.path) });
        }
        return { root: p.root, update };
    }

    /* Spectra at all recorded steps take a while, so they are worked out between other things, and kept. */
    function spectrum(attention, head, kind, frame) {
        const spectra = Lens.memory('spectra'),
            key = [attention.path, head, kind, frame].join('/');
        if (!spectra.has(key)) spectra.set(key, valuesOf(attention, head, kind, frame));
        return spectra.get(key);
    }

    let job = 0;
    /* each(frame, last) for every frame, a few at a time, until another job begins or `alive` says no more. */
    function inPieces(frames, alive, each) {
        const mine = ++job;
        let i = 0;
        (function piece() {
            if (mine !== job || !alive()) return;
            const until = performance.now() + 12;
            while (i < frames.length && performance.now() < until) each(frames[i++]);
            each(null, i === frames.length);
            if (i < frames.length) setTimeout(piece, 8);
        })();
    }

    /* At most `most` of the frames, evenly, the first and last among them. */
    function someFrames(most) {
        const n = Math.min(Lens.frames, most);
        return [
            ...new Set(Array.from({ length: n }, (_, i) => Math.round((i * (Lens.frames - 1)) / Math.max(1, n - 1)))),
        ];
    }

    function rankPanel() {
        const p = parts.panel('learning.rank', null);
        const working = el('p', { class: 'quiet' }),
            place = el('div');
        p.body.append(place, working);
        let key = '',
            curves = null;
        function begin(attention, head, there) {
            const frames = someFrames(40);
            const series = there.map((kind) => ({
                name: 'learning.rank.' + kind,
                label: label(kind),
                title: () => el('span', {}, Lens.rich('parts.name.' + kind)),
                colour: colourOf(kind),
                dashed: kind === 'vo',
                x: frames.map((f) => Lens.steps[f]),
                y: frames.map(() => null),
            }));
            curves = Lens.curves({
                series,
                label: Lens.t('learning.rank'),
                xLabel: Lens.t('step'),
                yRange: [0, null],
                height: 190,
                name: 'learning.rank',
                pick: goTo,
                marker: stepNow(),
            });
            Lens.fill(place, curves);
            working.textContent = Lens.t('learning.rank.working');
            /* Those next to where the reader stands come first. */
            const far = (frame) => Math.abs(frame - Lens.state.frame);
            inPieces(
                [...frames].sort((a, b) => far(a) - far(b)),
                () => place.isConnected || !key,
                (frame, last) => {
                    if (frame !== null)
                        series.forEach((s, i) => {
                            s.y[frames.indexOf(frame)] = A.effectiveRank(spectrum(attention, head, there[i], frame));
                        });
                    else curves.update({ marker: stepNow() });
                    if (last) working.textContent = '';
                },
            );
        }
        function update({ attention, head }, there) {
            p.root.hidden = !there.length;
            if (p.root.hidden) return;
            const now = attention.path + '/' + head;
            if (key !== now) begin(attention, head, there);
            else curves.update({ marker: stepNow() });
            key = now;
            p.note('learning.rank.note', { n: attention.d_k });
        }
        return { root: p.root, update };
    }

    let spectrumOf = 'q';
    function spectrumPanel() {
        const p = parts.panel('learning.spectrum', 'learning.spectrum.note');
        const pick = el('div', { class: 'picks' }),
            place = el('div');
        p.body.append(pick, place);
        let again = () => {};
        function update({ attention, head, frame }, there) {
            p.root.hidden = !there.length;
            if (p.root.hidden) return;
            again = () => update({ attention, head, frame }, there);
            const kind = there.includes(spectrumOf) ? spectrumOf : there[0];
            Lens.fill(
                pick,
                parts.buttons(
                    Lens.t('learning.of'),
                    there.map((value) => ({ value, text: Lens.rich('parts.name.' + value) })),
                    () => kind,
                    (value) => {
                        spectrumOf = value;
                        again();
                    },
                ).root,
            );
            const line = (f, name, more) => {
                const y = spectrum(attention, head, kind, f);
                return {
                    name: 'learning.spectrum.' + name,
                    label: Lens.t('learning.now', { step: Lens.steps[f] }),
                    colour: colourOf(kind),
                    x: y.map((_y, i) => i + 1),
                    y,
                    ...more,
                };
            };
            const series = [
                line(0, 'start', { dashed: true, faint: true, colour: '--quiet' }),
                line(frame, 'now', {}),
            ];
            const largest = someFrames(12).reduce(
                (most, f) => Math.max(most, spectrum(attention, head, kind, f)[0] || 0),
                0,
            );
            Lens.fill(
                place,
                Lens.curves({
                    series,
                    label: Lens.t('learning.spectrum'),
                    xLabel: Lens.t('learning.number'),
                    yRange: [0, largest || 1],
                    xRange: [1, null],
                    height: 190,
                    name: 'learning.spectrum',
                    key: false,
                }),
            );
        }
        return { root: p.root, update };
    }

    /* ---- the view ---- */

    function make(root) {
        const controls = parts.controls(['layer', 'head']);
        const loss = lossPanel(),
            norms = normsPanel(),
            rank = rankPanel(),
            singular = spectrumPanel(),
            others = otherPanels();
        const nothing = el('p', { class: 'note', text: Lens.t('learning.spectrum.none') });
        const reported = el('details', { class: 'reported', open: others.length <= 4 }, [
            el('summary', { text: Lens.t('learning.other') }),
            el(
                'div',
                { class: 'panels' },
                others.map((o) => o.root),
            ),
        ]);
        reported.hidden = !others.length;
        root.append(
            controls.root,
            el('div', { class: 'panels pairs' }, [loss.root, norms.root, rank.root, singular.root]),
            nothing,
            reported,
        );
        function update() {
            controls.update();
            const c = parts.chosen();
            const there = c.attention ? kinds.filter((kind) => spectrum(c.attention, c.head, kind, 0)) : [];
            nothing.hidden = there.length > 0;
            loss.update();
            norms.update(c);
            rank.update(c, there);
            singular.update(c, there);
            others.forEach((o) => o.update());
        }
        return { update };
    }

    parts.view({ id: 'learning', needs: (data) => Object.keys(data.scalars).length > 0, make });
})();
