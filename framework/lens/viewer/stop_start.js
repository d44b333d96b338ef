/* Stop 1: nobody supplies W^Q, W^K, W^V. What a matrix is now is its start plus the sum of all updates. */
(function () {
    'use strict';

    Lens.words({
        en: {
            'start.title': 'Nobody supplies W^Q, W^K, W^V',
            'start.short': 'Start + updates',
            'start.say':
                'Each of them begins as [b|noise], random numbers, and is moved a little at every step; what it is now is its ' +
                'start plus the sum of all those updates, nothing else.',
            'start.act': 'Press play, or drag the slider, and watch the updates add up while the loss falls.',
            'start.task':
                'The task: six pairs and a question, [m|{tokens}]. The answer is what stands with {asked}: {answer}. A token ' +
                'is {rows} numbers, one for each name at the left of the pictures: a pair has two ones, the question a ' +
                'single one, all else is 0. So row {asked} of a matrix belongs to {asked}.',
            'start.which': 'Which matrix',
            'start.start': 'start: noise',
            'start.sum': 'sum of {n} updates',
            'start.now': 'now, at step {step}',
            'start.size': '{rows} rows, one a name, × {columns} columns; length',
            'start.point': 'Point at a number: the same place lights in all three.',
            'start.unit': 'value of an entry',
            'start.note':
                'The pictures show how the numbers come about, not yet what they mean: single entries mean ' +
                'little, for the {columns} columns are an inner space that no one has named.',
        },
        ru: {
            'start.title': 'W^Q, W^K, W^V никто не задаёт',
            'start.short': 'Начало + поправки',
            'start.say':
                'Каждая из них вначале — [b|шум], случайные числа, и на каждом шаге её чуть-чуть сдвигают; какая она сейчас — это ' +
                'её начало плюс сумма всех этих поправок, и больше ничего.',
            'start.act': 'Нажмите «пуск» или потяните ползунок и смотрите, как копятся поправки и падает потеря.',
            'start.task':
                'Задача: шесть пар и вопрос, [m|{tokens}]. Ответ — то, что стоит рядом с {asked}: {answer}. Токен — это ' +
                'числа, их {rows}, по одному на каждое имя слева от картинок: у пары две единицы, у вопроса одна, ' +
                'остальное — нули. Поэтому строка {asked} матрицы принадлежит {asked}.',
            'start.which': 'Какая матрица',
            'start.start': 'начало: шум',
            'start.sum': 'сумма поправок: {n}',
            'start.now': 'сейчас, шаг {step}',
            'start.size': 'строк: {rows}, по одной на имя; столбцов: {columns}; длина',
            'start.point': 'Укажите на число: то же место загорится во всех трёх.',
            'start.unit': 'значение элемента',
            'start.note':
                'Картинки показывают, откуда берутся числа, но ещё не их смысл: отдельный элемент значит мало, ' +
                'ведь столбцы (их {columns}) — внутреннее пространство без имён.',
        },
    });

    const letters = ['q', 'k', 'v'];
    const chosen = () => (letters.includes(Lens.state.matrix) ? Lens.state.matrix : 'q');
    const nameOf = (letter) => Lens.rich(`[${letter}|W^${letter.toUpperCase()}]`);

    function valuesAt(letter, frame) {
        const start = Lens.glass.matrix(letter, 0),
            now = Lens.glass.matrix(letter, frame);
        return [start, now.map((x, i) => x - start[i]), now];
    }

    function taskLine(g) {
        const asked = g.entries[Lens.glass.entriesOf(g.asked)[0]];
        return Lens.el(
            'p',
            { class: 'task' },
            Lens.rich('start.task', {
                tokens: g.tokens.map(Lens.token).join('\u2002'),
                asked: Lens.token(asked),
                rows: g.d,
                answer: Lens.el('b', { text: Lens.token(g.answers[g.answer]) }),
            }),
        );
    }

    function make(root) {
        const g = Lens.glass.open(),
            names = ['start', 'sum', 'now'],
            captions = [0, 1, 2].map(() => Lens.el('span'));
        const lengths = names.map((n) => Lens.number('start.norm.' + n, 0, { class: 'strong' }));
        const says = Lens.el('output', { class: 'readout wide', 'aria-live': 'polite' });
        let at = null,
            values = valuesAt(chosen(), 0);

        const maps = names.map((name, i) =>
            Lens.heatmap({
                rows: g.d,
                columns: g.dk,
                values: values[i],
                rowNames: g.entries,
                limit: Lens.glass.largestEntry(),
                scale: 'root',
                leastHeight: 7,
                mostHeight: 9,
                fontSize: 10,
                readout: false,
                label: Lens.t('start.' + name, { n: '', step: '' }),
                name: 'start.' + name,
                title: captions[i],
                onPoint: (r, c) => point(r, c),
            }),
        );

        function point(row, column) {
            at = row === null ? null : [row, column];
            maps.forEach((map) => map.light(at ? { cells: [at] } : {}));
            say();
        }

        function say() {
            if (!at) return void Lens.fill(says, Lens.el('span', { class: 'quiet', text: Lens.t('start.point') }));
            const x = values.map((v) => v[at[0] * g.dk + at[1]]);
            Lens.fill(says, [
                nameOf(chosen()),
                `[${Lens.token(g.entries[at[0]])}, ${at[1] + 1}]:  `,
                Lens.number('start.at.start', x[0]),
                x[1] < 0 ? ' − ' : ' + ',
                Lens.el('span', {
                    class: 'number',
                    text: Lens.format(Math.abs(x[1])),
                    data: { name: 'start.at.sum', value: x[1] },
                }),
                ' = ',
                Lens.number('start.at.now', x[2], { class: 'strong' }),
            ]);
        }

        const choose = Lens.el('span');
        const loss = Lens.lossCurve({ height: 110 });
        const figures = maps.map((map, i) =>
            Lens.el('div', { class: 'sum-part' }, [
                map,
                Lens.el('p', { class: 'quiet small' }, [
                    Lens.t('start.size', { rows: g.d, columns: g.dk }) + ' ',
                    lengths[i],
                ]),
            ]),
        );
        Lens.append(root, [
            taskLine(g),
            Lens.el('div', { class: 'row between' }, [
                choose,
                Lens.legend({ limit: Lens.glass.largestEntry(), scale: 'root', unit: Lens.t('start.unit') }),
            ]),
            Lens.el('div', { class: 'sum' }, [
                figures[0],
                Lens.el('span', { class: 'sign', text: '+' }),
                figures[1],
                Lens.el('span', { class: 'sign', text: '=' }),
                figures[2],
            ]),
            says,
            loss,
        ]);

        return {
            update(changed) {
                const step = Lens.steps[Lens.state.frame],
                    letter = chosen();
                values = valuesAt(letter, Lens.state.frame);
                if (!changed.frame)
                    Lens.fill(
                        choose,
                        Lens.choice(
                            'start.which',
                            letters.map((l) => [l, nameOf(l)]),
                            letter,
                            (l) => Lens.set({ matrix: l }),
                        ),
                    );
                maps.forEach((map, i) => map.update(values[i], { ink: Lens.glass.letters[letter] }));
                lengths.forEach((n, i) => n.set(Lens.glass.norm(values[i])));
                Lens.fill(captions[0], [nameOf(letter), ' ', Lens.t('start.start')]);
                Lens.fill(captions[1], Lens.t('start.sum', { n: step - 1 }));
                Lens.fill(captions[2], [nameOf(letter), ' ', Lens.t('start.now', { step })]);
                say();
                loss.step();
            },
        };
    }

    Lens.stop({
        id: 'stop-1',
        title: 'start.title',
        short: 'start.short',
        say: 'start.say',
        act: 'start.act',
        note: 'start.note',
        needs: () => Boolean(Lens.glass.open()),
        start: () => 0,
        values: () => ({ columns: Lens.glass.open().dk }),
        make,
    });
})();
