/* What the free views share: which layer, head, probe and query are chosen, the controls that choose them, and the
 * recorded values of one head as matrices. */
(function () {
    'use strict';
    const el = Lens.el,
        A = Lens.algebra;

    Lens.words({
        en: {
            'parts.layer': 'Layer',
            'parts.head': 'Head',
            'parts.probe': 'Probe',
            'parts.query': 'Query',
            'parts.matrix': 'Matrix',
            'parts.kind.self': 'self-attention: every token sees every token',
            'parts.kind.causal': 'causal: a token sees itself and what stands before it',
            'parts.kind.cross': 'cross-attention: queries of one sequence, keys of another',
            'parts.kind.states': 'attention over the states of a recurrent encoder',
            'parts.name.q': '[q|W^Q]',
            'parts.name.k': '[k|W^K]',
            'parts.name.v': '[v|W^V]',
            'parts.name.o': 'W^O',
            'parts.name.qk': '[q|W^Q][k|W^K]ᵀ',
            'parts.name.vo': '[v|W^V]W^O',
            'parts.step': 'step {step}',
            'parts.run': '{what}, in the run {run}',
            'parts.pin': 'Pin this',
            'parts.unpin': 'Unpin',
            'parts.pin.run': 'Another run shows the same place: what is pinned stays beside it.',
        },
        ru: {
            'parts.layer': 'Слой',
            'parts.head': 'Голова',
            'parts.probe': 'Проба',
            'parts.query': 'Запрос',
            'parts.matrix': 'Матрица',
            'parts.kind.self': 'самовнимание: каждый токен видит все токены',
            'parts.kind.causal': 'причинное: токен видит себя и то, что стоит перед ним',
            'parts.kind.cross': 'перекрёстное: запросы из одной последовательности, ключи из другой',
            'parts.kind.states': 'внимание к состояниям рекуррентного кодировщика',
            'parts.step': 'шаг {step}',
            'parts.run': '{what}, обучение {run}',
            'parts.pin': 'Закрепить',
            'parts.unpin': 'Открепить',
            'parts.pin.run': 'Другое обучение откроется на том же месте, закреплённое останется рядом.',
        },
    });

    /* ---- what is chosen ---- */

    const layers = () => Lens.data.header.attention || [];
    const probes = () => (Lens.data.header.probes || []).filter((p) => Lens.data.probes[p.name]);

    /* To begin with, the last layer of which it is known where it should look; else the first. */
    function firstLayer(all, probe) {
        const known = all.filter((a) => probe && (tokens(probe, a.path).alignment || []).some((key) => key >= 0));
        return known[known.length - 1] || all[0] || null;
    }

    /* The chosen layer, head and probe, or what one begins with where none is chosen or there. */
    function chosen() {
        const known = probes(),
            probe = known.find((p) => p.name === Lens.state.probe) || known[0] || null;
        const all = layers(),
            attention = all.find((a) => a.path === Lens.state.layer) || firstLayer(all, probe);
        const heads = attention ? attention.heads : 1;
        return {
            attention,
            probe,
            head: Math.min(Math.max(Number(Lens.state.head) || 0, 0), heads - 1),
            frame: Lens.state.frame,
        };
    }

    /* Names of a layer's queries and keys on a probe, and each query's true key, where known. */
    function tokens(probe, path) {
        const own = (probe.attention && probe.attention[path]) || probe;
        return {
            queries: (own.queries || probe.queries).map(Lens.token),
            keys: (own.keys || probe.keys).map(Lens.token),
            alignment: own.alignment || null,
        };
    }

    /* The same at one frame: a query at which the model then answered something else is called "answer≠right one". */
    function answers(probe, path, frame) {
        const names = tokens(probe, path),
            said = probe.attention && probe.attention[path] ? null : Lens.probe(probe.name).said(frame);
        if (!said || said.length !== names.queries.length) return { ...names, answered: false };
        const query = (right, i) => (said[i] === probe.queries[i] ? right : Lens.token(said[i]) + '≠' + right);
        return { ...names, queries: names.queries.map(query), answered: true };
    }

    /* Recorded PATH.NAME of one head as a matrix, or null. Heads of keys and values may be fewer than queries'. */
    function watched(probe, attention, name, head, frame) {
        const key = name.startsWith('d/') ? 'd/' + attention.path + '.' + name.slice(2) : attention.path + '.' + name;
        const shape = Lens.probe(probe.name).shape(key);
        if (!shape || shape.length < 2 || shape.length > 3) return null;
        const values = Lens.probe(probe.name).value(key, frame);
        const [rows, columns] = shape.slice(-2),
            heads = shape.length === 3 ? shape[0] : 1;
        const which = Math.floor((head * heads) / Math.max(attention.heads, heads));
        return A.matrix(rows, columns, values.subarray(which * rows * columns, (which + 1) * rows * columns));
    }

    const hasWatched = (name) => layers().some((a) => probes().some((p) => watched(p, a, name, 0, 0)));

    /* Largest |value| that `of(frame)` gives at any step: one colour scale for the whole run. */
    function limitOver(key, of) {
        const limits = Lens.memory('views');
        if (!limits.has(key)) {
            let most = 0;
            for (let frame = 0; frame < Lens.frames; frame++) {
                const m = of(frame);
                if (m) most = Math.max(most, Lens.largest(m.data));
            }
            limits.set(key, most || 1);
        }
        return limits.get(key);
    }

    /* ---- controls ---- */

    let count = 0;

    /* options: [{value, text}], current and change: the chosen value. update() shows what is chosen now. */
    function select(label, options, current, change) {
        const id = 'pick-' + ++count;
        const box = el(
            'select',
            { id, on: { change: () => change(options[box.selectedIndex].value) } },
            options.map((o) => el('option', { text: o.text })),
        );
        const root = el('span', { class: 'pick' }, [el('label', { for: id, text: label }), box]);
        const update = () => {
            box.selectedIndex = options.findIndex((o) => o.value === current());
        };
        update();
        return { root, update };
    }

    /* As select, with a button a choice; text may be a node. */
    function buttons(label, options, current, change) {
        const all = options.map((o) =>
            el('button', { type: 'button', on: { click: () => change(o.value) } }, o.text),
        );
        const root = el('span', { class: 'pick' }, [
            el('span', { text: label }),
            el('span', { class: 'choice', role: 'group', 'aria-label': label }, all),
        ]);
        const update = () =>
            options.forEach((o, i) => all[i].setAttribute('aria-pressed', String(o.value === current())));
        update();
        return { root, update };
    }

    const letters = ['q', 'k', 'v', 'o'];
    const matrixName = (letter) => el('span', {}, Lens.rich('parts.name.' + letter));
    const matrixText = (letter) => Lens.t('parts.name.' + letter);
    const matrixColours = { q: '--query', k: '--key', v: '--value', o: '--ink' };

    function pickMatrix() {
        const there = letters.filter((l) => layers().some((a) => a['w_' + l] && Lens.param(a['w_' + l])));
        return buttons(
            Lens.t('parts.matrix'),
            there.map((l) => ({ value: l, text: matrixName(l) })),
            () => Lens.state.matrix || 'q',
            (matrix) => Lens.set({ matrix }),
        );
    }

    function pickLayer() {
        return select(
            Lens.t('parts.layer'),
            layers().map((a) => ({ value: a.path, text: clip(Lens.safe(a.path), 40) })),
            () => chosen().attention.path,
            (layer) => Lens.set({ layer, query: null }),
        );
    }

    function pickProbe() {
        return select(
            Lens.t('parts.probe'),
            probes().map((p) => ({ value: p.name, text: Lens.safe(p.name) })),
            () => chosen().probe.name,
            (probe) => Lens.set({ probe, query: null }),
        );
    }

    function pickHead(heads) {
        /* Counted from 0, as layers are in their paths, and as heed-lens --head counts. */
        const options = Array.from({ length: heads }, (_, i) => ({ value: i, text: String(i) }));
        const change = (head) => Lens.set({ head });
        return (heads > 16 ? select : buttons)(Lens.t('parts.head'), options, () => chosen().head, change);
    }

    /* A row of the controls asked for, each only where there is something to choose. Heads follow the chosen layer. */
    function controls(wanted) {
        const root = el('div', { class: 'picks' });
        let heads = 0,
            parts = [];
        function build() {
            heads = chosen().attention ? chosen().attention.heads : 1;
            parts = [];
            if (wanted.includes('layer') && layers().length > 1) parts.push(pickLayer());
            if (wanted.includes('matrix')) parts.push(pickMatrix());
            if (wanted.includes('head') && heads > 1) parts.push(pickHead(heads));
            if (wanted.includes('probe') && probes().length > 1) parts.push(pickProbe());
            root.replaceChildren(...parts.map((p) => p.root));
            root.hidden = parts.length === 0;
        }
        build();
        const update = () => {
            if (chosen().attention && chosen().attention.heads !== heads) build();
            parts.forEach((p) => p.update());
        };
        return { root, update };
    }

    /* ---- pieces of a page ---- */

    /* A titled box. .title(key, values) and .note(key, values) put words there; no key, no note. */
    function panel(title, note, children) {
        const heading = el('h3', { class: 'panel-title' }),
            said = el('p', { class: 'note' });
        const body = el('div', { class: 'panel-body' }, children || []);
        const root = el('section', { class: 'card panel' }, [heading, said, body]);
        const made = {
            root,
            body,
            title: (key, values) => Lens.fill(heading, Lens.rich(key, values)),
            note: (key, values) => {
                said.hidden = !key;
                Lens.fill(said, key ? Lens.rich(key, values) : []);
            },
        };
        if (title) made.title(title);
        made.note(note);
        return made;
    }

    /* A heat map with its legend that lives on from step to step: show({rows, columns, values, ...}) as of Lens.heatmap;
     * legend: false for none; from: 0 where no number is negative; lit: as of light(). A limit of null fits this step. */
    function picture() {
        const root = el('div', { class: 'picture' });
        let map = null,
            legend = null,
            key = '',
            ends = '';
        function show(options) {
            const o = {
                leastHeight: options.rows <= 48 ? 13 : 0,
                mostHeight: options.rows > 16 ? 15 : 0,
                ...options,
                limit: options.limit || Lens.largest(options.values) || 1,
            };
            const now = JSON.stringify([o.rows, o.columns, o.rowNames, o.columnNames, o.name, o.unit]);
            if (map && now === key) map.update(o.values, { limit: o.limit, label: o.label, describe: o.describe });
            else {
                map = Lens.heatmap(o);
                legend = ends = null;
                Lens.fill(root, map);
            }
            key = now;
            map.light(o.lit);
            const shown = [o.limit, o.unit, Lens.isDark(), options.limit === null].join();
            if (o.legend !== false && shown !== ends) {
                const next = Lens.legend({
                    limit: o.limit,
                    scale: o.scale,
                    unit: o.unit,
                    from: o.from,
                    same: options.limit !== null,
                });
                if (legend) legend.replaceWith(next);
                else root.append(next);
                legend = next;
                ends = shown;
            }
        }
        return { root, show };
    }

    /* A number with words before it. update(null): not shown. */
    function figure(name, label) {
        const value = Lens.number(name, null, { class: 'strong' });
        const root = el('p', { class: 'figure' }, [Lens.rich(label), ': ', value]);
        const update = (x) => {
            root.hidden = x === null || x === undefined;
            value.set(x);
        };
        return { root, update };
    }

    /* A button that keeps what `chosen()` gives in state[key] while one moves on, or lets it go, with a hint beside it. What is
     * kept has its run. held(): what is kept, if it is there, `exists` says. */
    function pin(key, name, hint, chosen, exists) {
        const button = el('button', { type: 'button', class: 'plain', data: { name } });
        const held = () => {
            const kept = Lens.state[key];
            return kept && Lens.within(kept.run, () => exists(kept)) ? kept : null;
        };
        button.addEventListener('click', () => Lens.set({ [key]: held() ? null : { ...chosen(), run: Lens.run } }));
        const update = () => {
            button.textContent = Lens.t(held() ? 'parts.unpin' : 'parts.pin');
            button.setAttribute('aria-pressed', String(Boolean(held())));
        };
        const root = el('div', { class: 'picks' }, [
            button,
            el('span', { class: 'quiet', text: Lens.t(hint) + (Lens.runs.length > 1 ? ' ' + Lens.t('parts.pin.run') : '') }),
        ]);
        return { root, held, update };
    }

    /* Words or nodes that name something, and in a page of several runs the run it is of. */
    const ofRun = (words, what, run) =>
        Lens.runs.length > 1 ? words('parts.run', { what, run: Lens.runName(run) }) : what;

    const spaceOf = (name) => (Lens.data.header.spaces || []).find((s) => s.name === name) || null;

    /* Names of the entries of x, where x is one-hot; else their numbers from 1, or none where they would be a thicket. */
    function entries(space, n) {
        const s = spaceOf(space);
        if (s && s.embedding === null && s.names.length === n) return s.names.map(Lens.token);
        return n <= 40 ? Array.from({ length: n }, (_, i) => String(i + 1)) : null;
    }

    /* A view that says what to record where there is nothing to show: {id, needs(data), make}. Its words: ID.title,
     * ID.about, ID.missing. */
    function view(options) {
        const { id, needs, make } = options;
        Lens.view({
            id: 'view-' + id,
            title: id + '.title',
            about: id + '.about',
            make(root) {
                if (needs(Lens.data)) return make(root);
                root.append(el('p', { class: 'card missing' }, Lens.rich(id + '.missing')));
                return {};
            },
        });
    }

    /* The first n letters. */
    function clip(text, n) {
        const letters = Array.from(text);
        return letters.length > n ? letters.slice(0, n - 1).join('') + '…' : text;
    }

    const stepText = (frame) => Lens.t('parts.step', { step: Lens.steps[frame] });

    Lens.parts = {
        layers,
        probes,
        chosen,
        tokens,
        answers,
        watched,
        hasWatched,
        limitOver,
        select,
        buttons,
        controls,
        panel,
        picture,
        figure,
        pin,
        ofRun,
        stepText,
        letters,
        matrixName,
        matrixText,
        matrixColours,
        spaceOf,
        entries,
        view,
        clip,
    };
})();
