/* Stop 2: the same formula at the start and at the end; only the matrices differ. */
(function () {
    'use strict';

    Lens.words({
        en: {
            'same.title': 'Same formula; only the matrices differ',
            'same.short': 'Same formula',
            'same.say':
                'With the matrices of noise the question looks at all six pairs alike; with the learned ones it ' +
                'looks most at its own key, and not a sign of the formula has changed.',
            'same.act': 'Switch the matrices, and watch where the question looks.',
            'same.which': 'The matrices of',
            'same.first': 'step {step}: start',
            'same.last': 'step {step}: end',
            'same.formula':
                'weight of pair j  =  softmax_j ( [q|q] · [k|k]_j / √{dk} ),   [q|q] = x [q|W^Q]  from the ' +
                'question,   [k|k]_j = x_j [k|W^K]  from the pair',
            'same.weights': 'Where {token} looks: its weights, which sum to 1',
            'same.chances': 'What it then answers: chances, in %',
            'same.matrices': 'The matrices put into the formula',
            'same.right': 'right: {answer}',
            'same.note':
                'A weight says how much of a pair’s value is mixed in. It is not by itself the reason for an ' +
                'answer: what the value then does to the answer is the work of W^V and W^O.',
        },
        ru: {
            'same.title': 'Формула та же; другие только матрицы',
            'same.short': 'Та же формула',
            'same.say':
                'С матрицами из шума вопрос смотрит на все шесть пар одинаково; с выученными — больше всего на ' +
                'свой ключ, а в формуле не изменилось ни знака.',
            'same.act': 'Переключайте матрицы и смотрите, куда глядит вопрос.',
            'same.which': 'Матрицы',
            'same.first': 'шаг {step}: начало',
            'same.last': 'шаг {step}: конец',
            'same.formula':
                'вес пары j  =  softmax_j ( [q|q] · [k|k]_j / √{dk} ),   [q|q] = x [q|W^Q]  от вопроса,   ' +
                '[k|k]_j = x_j [k|W^K]  от пары',
            'same.weights': 'Куда смотрит {token}: веса, вместе 1',
            'same.chances': 'Что он тогда отвечает: вероятности, в %',
            'same.matrices': 'Матрицы, которые стоят в формуле',
            'same.right': 'верно: {answer}',
            'same.note':
                'Вес говорит, сколько значения этой пары подмешано. Сам по себе он не причина ответа: что ' +
                'значение делает с ответом, решают W^V и W^O.',
        },
    });

    /* The pair whose key is asked for: the one that shares the question's entries. */
    function ownPair(g) {
        const mine = new Set(Lens.glass.entriesOf(g.asked));
        for (let j = 0; j < g.n; j++) if (Lens.glass.entriesOf(j).some((i) => mine.has(i))) return j;
        return -1;
    }
    Lens.glass.ownPair = () => ownPair(Lens.glass.open());

    /* As much of a token as its box has room for. */
    function short(token, width) {
        const letters = [...Lens.token(token)], room = Math.max(1, Math.floor(width / 8.6) - 1);
        return letters.length <= room + 1 ? letters.join('') : letters.slice(0, room).join('') + '…';
    }

    /* The tokens in a row, and from the question an arc to each pair, as thick as its weight. */
    function arcs(g) {
        const svg = Lens.svg('svg', { class: 'arcs', role: 'img' });
        let width = 0,
            a = [];
        function draw() {
            if (!width) return;
            const gap = width / (g.n + 1),
                box = Math.min(58, gap - 8),
                y = 128,
                x = (t) => (t + 0.5) * gap;
            svg.setAttribute('viewBox', `0 0 ${width} 166`);
            svg.setAttribute('height', 166);
            svg.setAttribute(
                'aria-label',
                a.map((w, j) => `${Lens.token(g.tokens[j])} ${Lens.format(w, 3)}`).join(', '),
            );
            const curve = (j) => {
                const rise = Math.min(y - 6, 34 + 0.42 * (x(g.asked) - x(j)));
                const line = Lens.svg('path', {
                    class: 'arc',
                    d: `M${x(g.asked)} ${y} C${x(g.asked)} ${y - rise * 1.3} ${x(j)} ${y - rise * 1.3} ${x(j)} ${y}`,
                });
                line.style.strokeWidth = Math.max(0.6, 20 * a[j]);
                return line;
            };
            const token = (t) => [
                Lens.svg('rect', {
                    x: x(t) - box / 2,
                    y,
                    width: box,
                    height: 32,
                    rx: 6,
                    class: 'token ' + (t === g.asked ? 'asks' : 'answers'),
                }),
                Lens.svg('text', { x: x(t), y: y + 21, class: 'token-text', text: short(g.tokens[t], box) }),
            ];
            Lens.fill(svg, [
                a.map((_, j) => curve(j)),
                Array.from({ length: g.n }, (_, j) => token(j)),
                token(g.asked),
            ]);
        }
        const body = Lens.el('div', {}, svg);
        Lens.whenSized(body, (w) => ((width = w), draw()));
        body.update = (weights) => ((a = weights), draw());
        return body;
    }

    function make(root) {
        const g = Lens.glass.open(),
            last = Lens.frames - 1,
            asked = Lens.token(g.tokens[g.asked]),
            own = ownPair(g);
        const limit = Lens.glass.largestEntry();
        const toggle = Lens.el('span'),
            picture = arcs(g);
        const weights = Lens.bars({
            names: g.tokens.slice(0, g.n),
            values: Array(g.n).fill(0),
            limit: 1,
            name: 'same.weight',
            digits: 3,
            strong: own,
            colour: '--key',
            label: Lens.t('same.weights', { token: asked }),
        });
        const chances = Lens.bars({
            names: g.answers,
            values: g.answers.map(() => 0),
            limit: 100,
            name: 'same.chance',
            digits: 1,
            strong: g.answer,
            colour: '--value',
            label: Lens.t('same.chances'),
        });
        const small = (letter) =>
            Lens.heatmap({
                rows: g.d,
                columns: g.dk,
                values: Lens.glass.matrix(letter, 0),
                limit,
                scale: 'root',
                rowNames: g.entries,
                fontSize: 9,
                most: 9,
                leastHeight: 3,
                mostHeight: 4.6,
                readout: false,
                name: 'same.w_' + letter,
                label: `W^${letter.toUpperCase()}`,
                title: Lens.rich(`[${letter}|W^${letter.toUpperCase()}]`),
                ink: Lens.glass.letters[letter],
            });
        const maps = { q: small('q'), k: small('k') };

        Lens.append(root, [
            Lens.el('div', { class: 'row between' }, [
                toggle,
                Lens.el('p', { class: 'formula wrap' }, Lens.rich('same.formula', { dk: g.dk })),
            ]),
            Lens.el('div', { class: 'three' }, [
                Lens.el('div', { class: 'card' }, [
                    Lens.el('h3', {}, Lens.t('same.weights', { token: asked })),
                    picture,
                    weights,
                ]),
                Lens.el('div', { class: 'card' }, [
                    Lens.el('h3', {}, Lens.t('same.matrices')),
                    maps.q,
                    maps.k,
                    Lens.legend({ limit, scale: 'root', unit: Lens.t('start.unit') }),
                ]),
                Lens.el('div', { class: 'card' }, [
                    Lens.el('h3', {}, Lens.t('same.chances')),
                    chances,
                    Lens.el('p', {
                        class: 'quiet small',
                        text: Lens.t('same.right', { answer: Lens.token(g.answers[g.answer]) }),
                    }),
                ]),
            ]),
        ]);

        return {
            update() {
                const frame = Lens.state.frame,
                    w = Lens.glass.weights(frame),
                    f = Lens.glass.forward(w);
                const choices = [
                    ['first', Lens.t('same.first', { step: Lens.steps[0] })],
                    ['last', Lens.t('same.last', { step: Lens.steps[last] })],
                ];
                if (!toggle.contains(document.activeElement) || Lens.state.playing) fillToggle(choices, frame);
                else
                    for (const b of toggle.querySelectorAll('button'))
                        b.setAttribute(
                            'aria-pressed',
                            String(b.dataset.choice === (frame === 0 ? 'first' : frame === last ? 'last' : '')),
                        );
                picture.update(f.a);
                weights.update(f.a);
                chances.update(f.p.map((p) => 100 * p));
                maps.q.update(w.q);
                maps.k.update(w.k);
            },
        };

        function fillToggle(choices, frame) {
            Lens.fill(
                toggle,
                Lens.choice('same.which', choices, frame === 0 ? 'first' : frame === last ? 'last' : '', (value) =>
                    Lens.set({ frame: value === 'first' ? 0 : last, playing: false }),
                ),
            );
        }
    }

    Lens.stop({
        id: 'stop-2',
        title: 'same.title',
        short: 'same.short',
        say: 'same.say',
        act: 'same.act',
        note: 'same.note',
        needs: () => Boolean(Lens.glass.open()),
        start: () => 0,
        make,
    });
})();
