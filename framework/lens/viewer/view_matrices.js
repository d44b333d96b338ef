/* Matrices: value, change since the start, gradient and update of one matrix of one head; one choice pinned beside. */
(function () {
    'use strict';
    const el = Lens.el,
        A = Lens.algebra,
        parts = Lens.parts;

    Lens.words({
        en: {
            'matrices.title': 'Matrices',
            'matrices.about':
                'One matrix of one head, as textbooks write it (x W): its value before the step, ' +
                'how far it has come from its random start, the gradient of the batch, and what the optimizer ' +
                'then did. ' +
                'The colour scale of each picture is the same at all steps and for all heads. ' +
                'Single entries seldom mean anything by themselves: only products such as W^Q W^Kᵀ do, and these ' +
                'the view Circuits shows.',
            'matrices.missing': 'No parameters were recorded: name some in the recorder’s params, such as "*w_q".',
            'matrices.value': 'Value',
            'matrices.change': 'Change since the start',
            'matrices.grad': 'Gradient of the batch’s loss',
            'matrices.update': 'Update by the optimizer',
            'matrices.value.note': 'before the update of this step',
            'matrices.change.note': 'value now minus value at step {step}',
            'matrices.grad.note': 'uphill: training goes down',
            'matrices.update.note': 'after this step minus before it',
            'matrices.nearest': '[b|of step {step}], the nearest for which this page has room',
            'matrices.norm': 'length (root of the sum of squares)',
            'matrices.rows': 'rows: entries of x',
            'matrices.columns': 'columns: the head’s {n} coordinates',
            'matrices.rows.o': 'rows: the head’s {n} coordinates',
            'matrices.columns.o': 'columns: what is written',
            'matrices.pin.hint': 'Pin, then move to another step, head, layer or matrix: both stay in view.',
            'matrices.now': 'Now: {what}',
            'matrices.pinned': 'Pinned: {what}',
            'matrices.difference': 'now minus pinned, length',
            'matrices.cosine': 'now and pinned, cosine',
            'matrices.name': '{matrix} of {layer}, head {head}, step {step}',
            'matrices.of': 'Of',
            'matrices.heads': 'attention, head by head',
            'matrices.whole': '{name}, whole, step {step}',
            'matrices.rows.whole': 'rows: {n} entries of what comes in',
            'matrices.columns.whole': 'columns: {n} of what goes out',
            'matrices.rows.table': 'rows: {n} names',
            'matrices.columns.table': 'columns: the {n} entries of their vectors',
        },
        ru: {
            'matrices.title': 'Матрицы',
            'matrices.about':
                'Одна матрица одной головы, как в учебниках (x W): её значение до шага, как далеко ' +
                'она ушла от случайного начала, градиент по пакету и то, что затем сделал оптимизатор. ' +
                'Шкала цветов каждой картинки одна для всех шагов и голов. ' +
                'Отдельные числа сами по себе редко что-то значат: смысл имеют лишь произведения, такие как W^Q ' +
                'W^Kᵀ, — их показывает вид «Схемы».',
            'matrices.missing': 'Параметры не записаны: назовите их в params регистратора, например "*w_q".',
            'matrices.value': 'Значение',
            'matrices.change': 'Изменение с начала',
            'matrices.grad': 'Градиент потерь пакета',
            'matrices.update': 'Шаг оптимизатора',
            'matrices.value.note': 'до обновления на этом шаге',
            'matrices.change.note': 'значение сейчас минус значение на шаге {step}',
            'matrices.grad.note': 'вверх по склону: обучение идёт вниз',
            'matrices.update.note': 'после шага минус до него',
            'matrices.nearest': '[b|на шаге {step}], ближайшем, для которого на странице есть место',
            'matrices.norm': 'длина (корень из суммы квадратов)',
            'matrices.rows': 'строки: координаты x',
            'matrices.columns': 'столбцы: {n} координат головы',
            'matrices.rows.o': 'строки: {n} координат головы',
            'matrices.columns.o': 'столбцы: то, что пишется',
            'matrices.pin.hint':
                'Закрепите, затем перейдите к другому шагу, голове, слою или матрице: обе ' + 'останутся на виду.',
            'matrices.now': 'Сейчас: {what}',
            'matrices.pinned': 'Закреплено: {what}',
            'matrices.difference': 'сейчас минус закреплённое, длина',
            'matrices.cosine': 'сейчас и закреплённое, косинус',
            'matrices.name': '{matrix} слоя {layer}, голова {head}, шаг {step}',
            'matrices.of': 'Чего',
            'matrices.heads': 'внимание, голова за головой',
            'matrices.whole': '{name} целиком, шаг {step}',
            'matrices.rows.whole': 'строки: {n} координат на входе',
            'matrices.columns.whole': 'столбцы: {n} на выходе',
            'matrices.rows.table': 'строки: {n} имён',
            'matrices.columns.table': 'столбцы: {n} координат их векторов',
        },
    });

    const kinds = ['value', 'change', 'grad', 'update'];

    function attentionAt(path) {
        return parts.layers().find((a) => a.path === path);
    }

    /* ---- what can be chosen: a matrix of a head, or any other recorded matrix as a whole ---- */

    const LARGEST = 1024; /* rows or columns of a picture */

    /* Recorded matrices that no attention layer names. */
    const others = () =>
        Object.keys(Lens.data.parameters).filter((name) => {
            const { shape } = Lens.param(name);
            const named = parts.layers().some((a) => parts.letters.some((l) => a['w_' + l] === name));
            return !named && shape.length === 2 && Math.max(...shape) <= LARGEST;
        });

    const hasHeads = () => parts.layers().some((a) => parts.letters.some((l) => Lens.param(a['w_' + l])));

    /* The space whose names' vectors are this matrix's rows: it is a table, not a map, and shown as it is stored. */
    const tableOf = (name) => (Lens.data.header.spaces || []).find((s) => s.embedding === name);
    const isTable = (name) =>
        (Lens.data.header.spaces || []).some((s) => s.embedding === name || s.positions === name);

    /* choice: {run, parameter, or null and layer, matrix, head; frame} */
    const whole = (choice) => choice.parameter || attentionAt(choice.layer)['w_' + choice.matrix];
    const exists = (choice) => Boolean(choice.parameter ? Lens.param(choice.parameter) : attentionAt(choice.layer));

    function partOf(choice, frame, of) {
        if (!choice.parameter) return A.ofHead(attentionAt(choice.layer), choice.matrix, choice.head, frame, of);
        const w = Lens.param(choice.parameter);
        const values = w[of] && w[of](frame);
        if (!values) return null;
        const stored = A.matrix(w.shape[0], w.shape[1], values);
        return isTable(choice.parameter) ? stored : A.transpose(stored);
    }

    /* The frame that a picture shows: another one near it where the page has no room for this one. */
    const frameOf = ({ frame }, kind) => (kind === 'grad' || kind === 'update' ? Lens.nearestKept(frame) : frame);

    /* Of the choice's own run. */
    const matrixOf = (choice, kind) =>
        Lens.within(choice.run, () => {
            if (kind !== 'change') return partOf(choice, frameOf(choice, kind), kind);
            const now = partOf(choice, choice.frame, 'value'),
                start = partOf(choice, 0, 'value');
            return now && A.subtract(now, start);
        });

    function namesOf(choice, m) {
        const table = choice.parameter && tableOf(choice.parameter),
            attention = attentionAt(choice.layer);
        const rows = { q: 'query_space', k: 'key_space', v: 'key_space' }[choice.matrix];
        const columns = choice.matrix === 'o' ? 'out_space' : null;
        if (choice.parameter)
            return {
                rows:
                    table && m.rows <= 64
                        ? table.names.slice(0, m.rows).map(Lens.token)
                        : parts.entries(null, m.rows),
                columns: parts.entries(null, m.columns),
            };
        return {
            rows: parts.entries(rows && attention[rows], m.rows),
            columns: parts.entries(columns && attention[columns], m.columns),
        };
    }

    /* Which words say what rows and columns are. */
    function axesOf(choice) {
        if (choice.parameter) return isTable(choice.parameter) ? '.table' : '.whole';
        return choice.matrix === 'o' ? '.o' : '';
    }

    /* Of a choice in words, as nodes or as text. */
    function describe(choice, words = Lens.rich, matrix = parts.matrixName) {
        const { run, layer, head } = choice,
            step = Lens.runs[run].steps[choice.frame];
        const what = choice.parameter
            ? words('matrices.whole', { name: Lens.safe(choice.parameter), step })
            : words('matrices.name', { matrix: matrix(choice.matrix), layer: Lens.safe(layer), head, step });
        return parts.ofRun(words, what, run);
    }
    const describedAs = (choice) => describe(choice, Lens.t, parts.matrixText);

    /* The four pictures of one choice; `prefix` begins their data-names. */
    function fourOf(prefix) {
        const title = el('p', { class: 'row-title' });
        const panels = kinds.map((kind) => {
            const p = parts.panel('matrices.' + kind),
                map = parts.picture();
            const length = parts.figure(prefix + '.' + kind + '.norm', 'matrices.norm');
            p.body.append(map.root, length.root);
            return { kind, p, map, length };
        });
        const root = el('div', { class: 'four-of' }, [
            title,
            el(
                'div',
                { class: 'panels four' },
                panels.map((x) => x.p.root),
            ),
        ]);
        function show(choice, key) {
            Lens.fill(title, Lens.rich(key, { what: describe(choice) }));
            for (const { kind, p, map, length } of panels) {
                const m = matrixOf(choice, kind);
                p.root.hidden = !m;
                if (!m) continue;
                const { shown, at } = Lens.within(choice.run, () => {
                    const frame = frameOf(choice, kind);
                    return { shown: Lens.steps[frame], at: frame === choice.frame };
                });
                if (at) p.note('matrices.' + kind + '.note', { step: Lens.runs[choice.run].steps[0] });
                else p.note('matrices.nearest', { step: shown });
                const names = Lens.within(choice.run, () => namesOf(choice, m));
                map.show({
                    rows: m.rows,
                    columns: m.columns,
                    values: m.data,
                    rowNames: names.rows,
                    columnNames: names.columns,
                    limit: Lens.limit(
                        Lens.within(choice.run, () => whole(choice)),
                        kind,
                    ),
                    scale: kind === 'grad' || kind === 'update' ? 'root' : 'linear',
                    label: Lens.t('matrices.' + kind) + ', ' + describedAs(choice),
                    name: prefix + '.' + kind,
                });
                length.update(A.norm(m.data));
            }
        }
        return { root, show };
    }

    /* What is chosen: heads of attention, one by one, or another matrix; null where there are none of these. */
    function pickSubject() {
        const options = others().map((name) => ({ value: name, text: parts.clip(Lens.safe(name), 40) }));
        if (!options.length) return null;
        if (hasHeads()) options.unshift({ value: null, text: Lens.t('matrices.heads') });
        return parts.select(
            Lens.t('matrices.of'),
            options,
            () => chosen().parameter,
            (parameter) => Lens.set({ parameter }),
        );
    }

    function chosen() {
        const { attention, head, frame } = parts.chosen(),
            asked = Lens.state.parameter;
        const parameter = others().includes(asked) ? asked : hasHeads() ? null : others()[0];
        const layer = attention && attention.path;
        return { run: Lens.run, parameter, layer, matrix: Lens.state.matrix || 'q', head, frame };
    }

    function make(root) {
        const controls = parts.controls(['layer', 'matrix', 'head']),
            subject = pickSubject();
        const pin = parts.pin('pinned', 'matrices.pin', 'matrices.pin.hint', chosen, exists);
        const axes = el('p', { class: 'note' });
        const now = fourOf('matrices.now'),
            pinned = fourOf('matrices.pinned');
        const difference = parts.figure('matrices.difference.norm', 'matrices.difference');
        const cosine = parts.figure('matrices.cosine', 'matrices.cosine');
        const compared = el('div', { class: 'figures' }, [difference.root, cosine.root]);
        Lens.append(root, [
            subject && el('div', { class: 'picks' }, subject.root),
            controls.root,
            pin.root,
            axes,
            now.root,
            compared,
            pinned.root,
        ]);

        function compare(m, held) {
            pinned.root.hidden = compared.hidden = !held;
            if (!held) return;
            pinned.show(held, 'matrices.pinned');
            const old = matrixOf(held, 'value'),
                alike = m && old && m.rows === old.rows && m.columns === old.columns;
            difference.update(alike ? A.norm(A.subtract(m, old).data) : null);
            cosine.update(alike ? A.dot(m.data, old.data) / (A.norm(m.data) * A.norm(old.data)) : null);
        }

        function update() {
            const c = chosen(),
                held = pin.held();
            if (subject) subject.update();
            controls.update();
            controls.root.hidden = Boolean(c.parameter) || controls.root.children.length === 0;
            const m = matrixOf(c, 'value'),
                of = axesOf(c);
            pin.update();
            const said = (key, n) => Lens.rich('matrices.' + key + of, { n });
            Lens.fill(axes, m ? [said('rows', m.rows), '; ', said('columns', m.columns), '.'] : []);
            now.show(c, 'matrices.now');
            compare(m, held);
        }
        return { update };
    }

    parts.view({ id: 'matrices', needs: () => hasHeads() || others().length > 0, make });
})();
