/* Stop 5: one entry of W^Q as a knob; the page computes the loss anew, and its slope is the gradient. */
(function () {
    'use strict';

    Lens.words({
        en: {
            'knob.title': 'One number as a knob',
            'knob.short': 'A knob',
            'knob.say':
                'A gradient is nothing but a slope: turn a single entry of [q|W^Q], leave everything else as it ' +
                'is, and see how the loss goes up or down.',
            'knob.act':
                'Turn the knob, or drag in the curve; choose another entry in the matrix, one of row {row} and ' +
                'one of another row.',
            'knob.choose': 'Choose an entry of',
            'knob.label': 'Value of the entry',
            'knob.reset': 'As recorded',
            'knob.entry': 'entry ',
            'knob.value': 'value ',
            'knob.recorded': 'recorded: ',
            'knob.loss': 'loss of the question ',
            'knob.slope': 'slope of the curve here ',
            'knob.gradient': 'gradient the engine recorded, at the recorded value ',
            'knob.curve': 'loss of the question against that entry',
            'knob.x': 'value of the entry',
            'knob.flat':
                'This row belongs to another token. The question’s x is 0 there, so the entry does not reach the ' +
                'loss: the slope is 0, and this question teaches it nothing.',
            'knob.live':
                'The dashed line is the slope. A step on this question alone would turn the entry downhill by η times it, ' +
                'here by {move}, and all other entries at the same time; training takes the mean over a batch.',
            'knob.note':
                'The curve is this one question’s, at the step of the slider; all other entries of the four ' +
                'matrices stand still meanwhile.',
        },
        ru: {
            'knob.title': 'Одно число как ручка настройки',
            'knob.short': 'Ручка',
            'knob.say':
                'Градиент — это всего лишь наклон: поверните один элемент [q|W^Q], остальное не трогайте, и ' +
                'смотрите, как потеря растёт или падает.',
            'knob.act':
                'Крутите ручку или тяните по кривой; выберите в матрице другой элемент: один в строке {row}, ' +
                'один в чужой строке.',
            'knob.choose': 'Выберите элемент',
            'knob.label': 'Значение элемента',
            'knob.reset': 'Как в записи',
            'knob.entry': 'элемент ',
            'knob.value': 'значение ',
            'knob.recorded': 'в записи: ',
            'knob.loss': 'потеря вопроса ',
            'knob.slope': 'наклон кривой здесь ',
            'knob.gradient': 'градиент, записанный движком, при записанном значении ',
            'knob.curve': 'потеря вопроса в зависимости от этого элемента',
            'knob.x': 'значение элемента',
            'knob.flat':
                'Эта строка принадлежит другому токену. В x вопроса там 0, и до потери элемент не доходит: ' +
                'наклон 0, этот вопрос его ничему не учит.',
            'knob.live':
                'Пунктир — наклон. Шаг по одному этому вопросу сдвинул бы элемент под гору на η наклонов, здесь на {move}, ' +
                'и одновременно все остальные; обучение берёт среднее по пакету.',
            'knob.note':
                'Кривая — для одного этого вопроса, на том шаге, где стоит ползунок; остальные элементы четырёх ' +
                'матриц тем временем стоят на месте.',
        },
    });

    const points = 121,
        near = 1e-4; /* of the curve; half the distance over which its slope is measured */

    /* The entry whose gradient is largest: the most telling one to begin with. */
    function steepest(g, frame) {
        const w = Lens.glass.weights(frame),
            f = Lens.glass.forward(w),
            dq = Lens.glass.backward(w, f).dq;
        let best = 0;
        dq.forEach((x, i) => Math.abs(x) > Math.abs(dq[best]) && (best = i));
        return Lens.glass.entriesOf(g.asked)[0] * g.dk + best;
    }

    function make(root) {
        const g = Lens.glass.open(),
            limit = Lens.glass.largestEntry(),
            reach = 4 * Lens.limit(g.names.q, 'value');
        let entry = Lens.state.knob === undefined ? steepest(g, Lens.state.frame) : Lens.state.knob,
            value = 0,
            line = null,
            w = null;

        const map = Lens.heatmap({
            rows: g.d,
            columns: g.dk,
            values: Lens.glass.matrix('q', 0),
            rowNames: g.entries,
            limit,
            scale: 'root',
            leastHeight: 11,
            mostHeight: 14,
            name: 'knob.w_q',
            label: 'W^Q',
            title: [Lens.t('knob.choose') + ' ', Lens.rich('[q|W^Q]')],
            ink: '--query',
            onChoose: (r, c) => choose(r * g.dk + c),
            describe: (r, c, x) => [
                Lens.rich('[q|W^Q]'),
                `[${Lens.token(g.entries[r])}, ${c + 1}] = `,
                Lens.number('knob.w_q.at', x, { class: 'strong' }),
            ],
        });
        const curve = Lens.curves({
            series: [],
            label: Lens.t('knob.curve'),
            name: 'knob.curve',
            xLabel: Lens.t('knob.x'),
            yLabel: Lens.t('loss'),
            key: false,
            height: 260,
            yRange: [0, null],
            pick: (x) => turn(x),
            extra: tangent,
        });
        const slider = Lens.el('input', {
            type: 'range',
            min: -reach,
            max: reach,
            step: reach / 1000,
            'aria-label': Lens.t('knob.label'),
            class: 'time knob',
            on: { input: () => turn(Number(slider.value)) },
        });
        const n = (name, more) => Lens.number('knob.' + name, 0, { class: 'strong', ...more });
        const now = {
            value: n('value'),
            recorded: n('recorded', { class: '' }),
            loss: n('loss'),
            slope: n('slope', { class: 'strong gradient', sign: true }),
            gradient: n('gradient', { class: 'gradient', sign: true }),
        };
        const named = Lens.el('b'),
            says = Lens.el('p', { class: 'small' });
        const item = (key, ...parts) => Lens.el('p', {}, [Lens.t(key), parts]);

        Lens.append(
            root,
            Lens.el('div', { class: 'two' }, [
                Lens.el('section', { class: 'card' }, [
                    map,
                    Lens.legend({ limit, scale: 'root', unit: Lens.t('start.unit') }),
                ]),
                Lens.el('section', { class: 'card' }, [
                    curve,
                    Lens.el('div', { class: 'time-bar' }, [
                        slider,
                        Lens.el('button', {
                            type: 'button',
                            class: 'plain',
                            text: Lens.t('knob.reset'),
                            data: { reset: 'knob' },
                            on: { click: () => turn(w.q[entry]) },
                        }),
                    ]),
                    Lens.el('div', { class: 'facts', 'aria-live': 'polite' }, [
                        item('knob.entry', named),
                        item(
                            'knob.value',
                            now.value,
                            Lens.el('span', { class: 'quiet' }, [' (', Lens.t('knob.recorded'), now.recorded, ')']),
                        ),
                        item('knob.loss', now.loss),
                        item('knob.slope', now.slope),
                        item('knob.gradient', now.gradient),
                    ]),
                    says,
                ]),
            ]),
        );

        function lossAt(x) {
            const kept = w.q[entry];
            w.q[entry] = x;
            const loss = Lens.glass.forward(w).loss;
            w.q[entry] = kept;
            return loss;
        }
        const slopeAt = (x) => (lossAt(x + near) - lossAt(x - near)) / (2 * near);

        /* The slope, as far as the eye needs it. */
        function tangent(f) {
            const y = lossAt(value),
                slope = slopeAt(value),
                d = 0.16 * (f.x1 - f.x0);
            return Lens.svg('line', {
                x1: f.x(value - d),
                y1: f.y(y - slope * d),
                x2: f.x(value + d),
                y2: f.y(y + slope * d),
                class: 'tangent',
            });
        }

        function draw() {
            const x = Array.from({ length: points }, (_, i) => -reach + (2 * reach * i) / (points - 1)),
                row = Math.floor(entry / g.dk);
            line = { name: 'knob.curve.loss', label: Lens.t('loss'), x, y: x.map(lossAt), colour: '--query' };
            Lens.fill(named, [Lens.rich('[q|W^Q]'), `[${Lens.token(g.entries[row])}, ${(entry % g.dk) + 1}]`]);
            map.light({ rows: [row], cells: [[row, entry % g.dk]] });
            const recorded = Lens.glass.matrix('q', Lens.state.frame, 'probe');
            now.recorded.set(w.q[entry]);
            now.gradient.set(recorded ? recorded[entry] : null);
            turn(value);
        }

        function turn(x) {
            value = x;
            slider.value = x;
            const slope = slopeAt(value),
                flat = Lens.glass.token(g.asked)[Math.floor(entry / g.dk)] === 0;
            slider.setAttribute('aria-valuetext', `${Lens.format(x)}, ${Lens.t('loss')} ${Lens.format(lossAt(x))}`);
            now.value.set(value);
            now.loss.set(lossAt(value));
            now.slope.set(flat ? 0 : slope);
            Lens.fill(
                says,
                flat
                    ? Lens.t('knob.flat')
                    : Lens.rich('knob.live', { move: Lens.number('knob.move', -g.eta * slope, { sign: true }) }),
            );
            curve.update({ series: [line], marker: value });
        }

        function choose(index) {
            entry = Lens.state.knob = index;
            value = w.q[entry];
            draw();
        }

        return {
            update() {
                w = Lens.glass.weights(Lens.state.frame);
                value = w.q[entry];
                map.update(w.q);
                draw();
            },
        };
    }

    Lens.stop({
        id: 'stop-5',
        title: 'knob.title',
        short: 'knob.short',
        say: 'knob.say',
        act: 'knob.act',
        note: 'knob.note',
        values: () => ({
            row: Lens.token(Lens.glass.open().entries[Lens.glass.entriesOf(Lens.glass.open().asked)[0]]),
        }),
        needs: () => Boolean(Lens.glass.open()),
        start: () => Lens.glass.fastest(),
        make,
    });
})();
