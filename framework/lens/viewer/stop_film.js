/* Stop 6: values first, then looking. The two products in token space, how far each matrix has moved, and the step
 * itself. */
(function () {
    'use strict';

    Lens.words({
        en: {
            'film.title': 'Values first, then looking',
            'film.short': 'The film',
            'film.say':
                'First [v|W^V] and W^O learn to say what is there, for that helps at once; only then does it ' +
                'matter where to look, and [q|W^Q] and [k|W^K] follow.',
            'film.act': 'Press play: which of the two diagonals comes first?',
            'film.qk': '[q|W^Q] [k|W^K]ᵀ: question (down) with key',
            'film.vo': '[v|W^V] W^O: value (down) to answer',
            'film.qk.right': 'rows whose largest entry is on the diagonal (a question finds its key): ',
            'film.vo.right': 'rows whose largest entry is on the diagonal (a value says its name): ',
            'film.of': '{right} of {all}',
            'film.moved': 'How far each matrix is from its start',
            'film.distance': '‖W − start‖',
            'film.step': 'The step of this moment, for',
            'film.batch': 'gradient of the batch',
            'film.probe': 'gradient of the question alone',
            'film.update': 'update made',
            'film.cosine': 'cosine of the batch’s and the question’s: ',
            'film.against': 'cosine of the update and −gradient: ',
            'film.sgd':
                'Plain SGD steps exactly against the gradient (cosine 1), each entry by the same factor. Adam ' +
                'rescales every entry by its own history, so there it is less than 1.',
            'film.other': 'This run used {optimizer}.',
            'film.darkest': '(to ±{x})',
            'film.unit': 'score before ÷√{dk}',
            'film.unit.vo': 'what it adds to the logit',
            'film.point': 'Point: what is written is row → column.',
            'film.note':
                'The {dk} inner columns are summed away here; what remains is what the head does to named ' +
                'tokens. Another seed gives other matrices [q|W^Q], [k|W^K], and the same two diagonals.',
        },
        ru: {
            'film.title': 'Сперва значения, потом взгляд',
            'film.short': 'Фильм',
            'film.say':
                'Сперва [v|W^V] и W^O учатся называть то, что есть: это помогает сразу; лишь потом становится ' +
                'важно, куда смотреть, и подтягиваются [q|W^Q] и [k|W^K].',
            'film.act': 'Нажмите «пуск»: какая из двух диагоналей появится первой?',
            'film.qk': '[q|W^Q] [k|W^K]ᵀ: вопрос (вниз) и ключ',
            'film.vo': '[v|W^V] W^O: значение (вниз) и ответ',
            'film.qk.right': 'строк, где наибольший элемент — на диагонали (вопрос находит свой ключ): ',
            'film.vo.right': 'строк, где наибольший элемент — на диагонали (значение называет себя): ',
            'film.of': '{right} из {all}',
            'film.moved': 'Как далеко каждая матрица от своего начала',
            'film.distance': '‖W − начало‖',
            'film.step': 'Шаг этого мгновения, матрица',
            'film.batch': 'градиент пакета',
            'film.probe': 'градиент одного вопроса',
            'film.update': 'сделанная поправка',
            'film.cosine': 'косинус градиентов пакета и вопроса: ',
            'film.against': 'косинус поправки и −градиента: ',
            'film.sgd':
                'Простой SGD шагает точно против градиента (косинус 1), каждый элемент — с одним и тем же ' +
                'множителем. Adam делит каждый элемент на его собственную историю, и там косинус меньше 1.',
            'film.other': 'Здесь учили так: {optimizer}.',
            'film.darkest': '(до ±{x})',
            'film.unit': 'оценка до ÷√{dk}',
            'film.unit.vo': 'прибавка к логиту',
            'film.point': 'Укажите: подпись — строка → столбец.',
            'film.note':
                'Внутренние столбцы (их {dk}) здесь просуммированы; остаётся то, что голова делает с названными ' +
                'токенами. Другое начальное число даёт другие [q|W^Q] и [k|W^K] — и те же две диагонали.',
        },
    });

    const letters = ['q', 'k', 'v', 'o'];
    const chosen = () => (letters.includes(Lens.state.matrix) ? Lens.state.matrix : 'q');
    const nameOf = (letter) => (letter === 'o' ? Lens.rich('W^O') : Lens.rich(`[${letter}|W^${letter.toUpperCase()}]`));

    /* Entries of a token that are answers too, and the others: values and keys. */
    function parts(g) {
        const all = g.entries.map((_, i) => i),
            values = all.filter((i) => g.answers.includes(g.entries[i])),
            keys = all.filter((i) => !values.includes(i));
        return values.length && keys.length ? { keys, values } : { keys: all, values: all };
    }

    /* Rows `which` of a times the rows `others` of b, each with d_k columns: a (which), bᵀ. */
    function products(a, which, b, others, width) {
        const out = new Float64Array(which.length * others.length);
        which.forEach((r, i) =>
            others.forEach((c, j) => {
                let sum = 0;
                for (let m = 0; m < width; m++) sum += a[r * width + m] * b[c * width + m];
                out[i * others.length + j] = sum;
            }),
        );
        return out;
    }

    function circuits(g, p, frame) {
        const m = (letter) => Lens.glass.matrix(letter, frame),
            n = g.answers.length;
        const o = Lens.transposed(m('o'), g.dk, n),
            answers = g.answers.map((_, i) => i);
        return { qk: products(m('q'), p.keys, m('k'), p.keys, g.dk), vo: products(m('v'), p.values, o, answers, g.dk) };
    }

    /* Rows whose largest entry stands in the column of the same name. */
    function diagonal(values, rowNames, columnNames) {
        const n = columnNames.length;
        return rowNames.filter((name, i) => {
            const row = values.subarray(i * n, (i + 1) * n);
            return columnNames[row.indexOf(Math.max(...row))] === name;
        }).length;
    }

    /* Of two lists of numbers, either of which may not have been recorded. */
    function cosine(a, b) {
        if (!a || !b) return NaN;
        const size = Lens.glass.norm(a) * Lens.glass.norm(b);
        return size ? Lens.glass.dot(a, b) / size : NaN;
    }

    function distances(g) {
        return letters.map((letter) => {
            const start = Lens.glass.matrix(letter, 0);
            const y = Lens.steps.map((_, f) =>
                Lens.glass.norm(Lens.glass.matrix(letter, f).map((x, i) => x - start[i])),
            );
            return {
                name: 'film.moved.' + letter,
                label: `W^${letter.toUpperCase()}`,
                title: () => nameOf(letter),
                x: Lens.steps,
                y,
                colour: Lens.glass.letters[letter],
                dashed: 'ko'.includes(letter),
            };
        });
    }

    function make(root) {
        const g = Lens.glass.open(),
            p = parts(g),
            name = (list) => list.map((i) => g.entries[i]);
        const all = Lens.steps.map((_, f) => circuits(g, p, f)),
            n = p.keys.length;
        const limit = {
            qk: Math.max(...all.map((c) => Lens.largest(c.qk))) || 1,
            vo: Math.max(...all.map((c) => Lens.largest(c.vo))) || 1,
        };
        const map = (key, rowNames, columnNames) =>
            Lens.heatmap({
                rows: rowNames.length,
                columns: columnNames.length,
                values: all[0][key],
                rowNames,
                columnNames,
                limit: limit[key],
                name: 'film.' + key,
                label: Lens.t('film.' + key),
                title: Lens.rich('film.' + key),
                most: 24,
                mostHeight: 15,
                describe: (r, c, x) => [
                    `${Lens.token(rowNames[r])} → ${Lens.token(columnNames[c])}: `,
                    Lens.number(`film.${key}.at`, x, { class: 'strong' }),
                ],
            });
        const qk = map('qk', name(p.keys), name(p.keys)),
            vo = map('vo', name(p.values), g.answers);
        const right = { qk: Lens.number('film.qk.right', 0), vo: Lens.number('film.vo.right', 0) };
        const moved = Lens.curves({
            name: 'film.moved',
            label: Lens.t('film.moved'),
            title: Lens.t('film.moved'),
            series: distances(g),
            xLabel: Lens.t('step'),
            yLabel: Lens.t('film.distance'),
            yRange: [0, null],
            height: 170,
            pick: (step) => Lens.set({ frame: Lens.frameOf(step), playing: false }),
        });
        const loss = Lens.lossCurve({ height: 105 });
        const count = (key, total) =>
            Lens.el('p', { class: 'small' }, [
                Lens.t(`film.${key}.right`),
                Lens.rich('film.of', { right: right[key], all: total }),
            ]);

        const choose = Lens.el('span'),
            kinds = ['batch', 'probe', 'update'];
        const cosines = {
            cosine: Lens.number('film.cosine', 0, { class: 'strong', digits: 3 }),
            against: Lens.number('film.against', 0, { class: 'strong', digits: 3 }),
        };
        const small = kinds.map((kind) =>
            Lens.heatmap({
                rows: 1,
                columns: 1,
                values: [0],
                scale: 'root',
                most: 9,
                leastHeight: 3,
                mostHeight: 4,
                readout: false,
                name: 'film.' + kind,
                label: Lens.t('film.' + kind),
                title: Lens.t('film.' + kind),
            }),
        );
        Lens.append(root, [
            Lens.el('div', { class: 'film' }, [
                Lens.el('section', { class: 'card' }, [
                    vo,
                    count('vo', p.values.length),
                    Lens.legend({ limit: limit.vo, unit: Lens.t('film.unit.vo') }),
                ]),
                Lens.el('section', { class: 'card' }, [
                    qk,
                    count('qk', n),
                    Lens.legend({ limit: limit.qk, unit: Lens.t('film.unit', { dk: g.dk }) }),
                ]),
                Lens.el('section', { class: 'card' }, [moved, loss]),
            ]),
            Lens.el('section', { class: 'card step-card' }, [
                Lens.el('div', { class: 'row between' }, [
                    Lens.el('h3', { text: Lens.t('film.step') }),
                    choose,
                    Lens.el('span', { class: 'quiet small' }, [Lens.t('legend.root')]),
                ]),
                Lens.el('div', { class: 'grid' }, small),
                Lens.el('p', { class: 'losses' }, [
                    Lens.el('span', {}, [Lens.t('film.cosine'), cosines.cosine]),
                    Lens.el('span', {}, [Lens.t('film.against'), cosines.against]),
                ]),
                Lens.el('p', { class: 'small quiet' }, [
                    Lens.t('film.sgd'),
                    ' ',
                    Lens.t('film.other', { optimizer: Lens.header.optimizer || '–' }),
                ]),
            ]),
        ]);

        return {
            update(changed) {
                const f = Lens.state.frame,
                    letter = chosen(),
                    c = all[f];
                qk.update(c.qk);
                vo.update(c.vo);
                right.qk.set(diagonal(c.qk, name(p.keys), name(p.keys)));
                right.vo.set(diagonal(c.vo, name(p.values), g.answers));
                moved.update({ marker: Lens.steps[f] });
                loss.step();
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
                const grad = Lens.glass.matrix(letter, f, 'grad'),
                    alone = Lens.glass.matrix(letter, f, 'probe'),
                    update = Lens.glass.matrix(letter, f, 'update');
                [grad, alone, update].forEach((values, i) => {
                    const of = [
                        [g.names[letter], 'grad'],
                        ['grad/' + g.names[letter], 'probe', g.story.probe],
                        [g.names[letter], 'update'],
                    ][i];
                    const limit = Lens.limit(...of);
                    Lens.fill(small[i].querySelector('figcaption'), [
                        Lens.t('film.' + kinds[i]) + ' ',
                        Lens.el('span', {
                            class: 'quiet small plain-text',
                            text: Lens.t('film.darkest', { x: Lens.format(limit) }),
                        }),
                    ]);
                    small[i].update(values || [], {
                        rows: Lens.glass.rows(letter),
                        columns: Lens.glass.columns(letter),
                        rowNames: letter === 'o' ? null : g.entries,
                        limit,
                        fontSize: 9,
                        ink: Lens.glass.letters[letter],
                    });
                });
                cosines.cosine.set(cosine(grad, alone));
                cosines.against.set(cosine(update, grad && grad.map((x) => -x)));
            },
        };
    }

    Lens.stop({
        id: 'stop-6',
        title: 'film.title',
        short: 'film.short',
        say: 'film.say',
        act: 'film.act',
        note: 'film.note',
        values: () => ({ dk: Lens.glass.open().dk }),
        needs: () => Boolean(Lens.glass.open()),
        start: () => 0,
        make,
    });
})();
