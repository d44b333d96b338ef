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
            'matrices.norm': 'length (root of the sum of squares)',
            'matrices.rows': 'rows: entries of x',
            'matrices.columns': 'columns: the head’s {n} coordinates',
            'matrices.rows.o': 'rows: the head’s {n} coordinates',
            'matrices.columns.o': 'columns: what is written',
            'matrices.pin': 'Pin this',
            'matrices.unpin': 'Unpin',
            'matrices.pin.hint': 'Pin, then move to another step, head, layer or matrix: both stay in view.',
            'matrices.now': 'Now: {what}',
            'matrices.pinned': 'Pinned: {what}',
            'matrices.difference': 'now minus pinned, length',
            'matrices.cosine': 'now and pinned, cosine',
            'matrices.name': '{matrix} of {layer}, head {head}, step {step}',
            'matrices.other': 'other recorded matrices',
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
            'matrices.norm': 'длина (корень из суммы квадратов)',
            'matrices.rows': 'строки: координаты x',
            'matrices.columns': 'столбцы: {n} координат головы',
            'matrices.rows.o': 'строки: {n} координат головы',
            'matrices.columns.o': 'столбцы: то, что пишется',
            'matrices.pin': 'Закрепить',
            'matrices.unpin': 'Открепить',
            'matrices.pin.hint':
                'Закрепите, затем перейдите к другому шагу, голове, слою или матрице: обе ' + 'останутся на виду.',
            'matrices.now': 'Сейчас: {what}',
            'matrices.pinned': 'Закреплено: {what}',
            'matrices.difference': 'сейчас минус закреплённое, длина',
            'matrices.cosine': 'сейчас и закреплённое, косинус',
            'matrices.name': '{matrix} слоя {layer}, голова {head}, шаг {step}',
            'matrices.other': 'другие записанные матрицы',
        },
    });

    const kinds = ['value', 'change', 'grad', 'update'];

    function attentionAt(path) {
        return parts.layers().find((a) => a.path === path);
    }

    /* choice: {layer, matrix, head, frame} */
    function matrixOf(choice, kind) {
        const attention = attentionAt(choice.layer);
        const at = (frame, of) => A.ofHead(attention, choice.matrix, choice.head, frame, of);
        if (kind !== 'change') return at(choice.frame, kind);
        const now = at(choice.frame, 'value'),
            start = at(0, 'value');
        return now && A.subtract(now, start);
    }

    function namesOf(choice, m) {
        const attention = attentionAt(choice.layer),
            letter = choice.matrix;
        if (letter === 'o')
            return { rows: parts.entries(null, m.rows), columns: parts.entries(attention.out_space, m.columns) };
        return {
            rows: parts.entries(letter === 'q' ? attention.query_space : attention.key_space, m.rows),
            columns: parts.entries(null, m.columns),
        };
    }

    const whole = (choice) => attentionAt(choice.layer)['w_' + choice.matrix];

    function limitOf(choice, kind) {
        return kind !== 'change'
            ? Lens.limit(whole(choice), kind)
            : parts.limitOver('change/' + whole(choice), (frame) => {
                  const w = Lens.param(whole(choice));
                  return { data: w.value(frame).map((x, i) => x - w.value(0)[i]) };
              });
    }

    /* Of a choice in words, as nodes or as text. */
    function describe(choice, words = Lens.rich, matrix = parts.matrixName) {
        return words('matrices.name', {
            matrix: matrix(choice.matrix),
            layer: Lens.safe(choice.layer),
            head: choice.head,
            step: Lens.steps[choice.frame],
        });
    }
    const describedAs = (choice) => describe(choice, Lens.t, parts.matrixText);

    /* The four pictures of one choice; `prefix` begins their data-names. */
    function fourOf(prefix) {
        const title = el('p', { class: 'row-title' });
        const panels = kinds.map((kind) => {
            const p = parts.panel('matrices.' + kind),
                map = parts.picture();
            p.note('matrices.' + kind + '.note', { step: Lens.steps[0] });
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
                const names = namesOf(choice, m);
                map.show({
                    rows: m.rows,
                    columns: m.columns,
                    values: m.data,
                    rowNames: names.rows,
                    columnNames: names.columns,
                    limit: limitOf(choice, kind),
                    scale: kind === 'grad' || kind === 'update' ? 'root' : 'linear',
                    label: Lens.t('matrices.' + kind) + ', ' + describedAs(choice),
                    name: prefix + '.' + kind,
                });
                length.update(A.norm(m.data));
            }
        }
        return { root, show };
    }

    function make(root) {
        const controls = parts.controls(['layer', 'matrix', 'head']);
        const pin = el('button', { type: 'button', class: 'plain', data: { name: 'matrices.pin' } });
        const hint = el('span', { class: 'quiet', text: Lens.t('matrices.pin.hint') });
        const axes = el('p', { class: 'note' });
        const now = fourOf('matrices.now'),
            pinned = fourOf('matrices.pinned');
        const difference = parts.figure('matrices.difference.norm', 'matrices.difference');
        const cosine = parts.figure('matrices.cosine', 'matrices.cosine');
        const compared = el('div', { class: 'figures' }, [difference.root, cosine.root]);
        root.append(controls.root, el('div', { class: 'picks' }, [pin, hint]), axes, now.root, compared, pinned.root);

        function choice() {
            const { attention, head, frame } = parts.chosen();
            return { layer: attention.path, matrix: Lens.state.matrix || 'q', head, frame };
        }
        pin.addEventListener('click', () => Lens.set({ pinned: Lens.state.pinned ? null : choice() }));

        function update() {
            controls.update();
            const c = choice(),
                held = Lens.state.pinned && attentionAt(Lens.state.pinned.layer) ? Lens.state.pinned : null;
            const m = matrixOf(c, 'value'),
                old = held && matrixOf(held, 'value');
            pin.textContent = Lens.t(held ? 'matrices.unpin' : 'matrices.pin');
            pin.setAttribute('aria-pressed', String(Boolean(held)));
            const o = c.matrix === 'o' ? '.o' : '';
            Lens.fill(
                axes,
                m
                    ? [
                          Lens.rich('matrices.rows' + o, { n: m.rows }),
                          '; ',
                          Lens.rich('matrices.columns' + o, { n: m.columns }),
                          '.',
                      ]
                    : [],
            );
            now.show(c, 'matrices.now');
            pinned.root.hidden = compared.hidden = !held;
            if (!held) return;
            pinned.show(held, 'matrices.pinned');
            const alike = m && old && m.rows === old.rows && m.columns === old.columns;
            difference.update(alike ? A.norm(A.subtract(m, old).data) : null);
            cosine.update(alike ? A.dot(m.data, old.data) / (A.norm(m.data) * A.norm(old.data)) : null);
        }
        return { update };
    }

    parts.view({
        id: 'matrices',
        needs: () => parts.layers().some((a) => Lens.param(a.w_q) || Lens.param(a.w_k)),
        make,
    });
})();
