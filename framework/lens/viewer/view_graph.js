/* Graph: what one forward recorded on its tape, in order, folded by layer paths; lines go from a value to its users. */
(function () {
    'use strict';
    const el = Lens.el,
        svg = Lens.svg,
        parts = Lens.parts;
    const ROW = 34,
        LANE = 10,
        INDENT = 18,
        FIRST = 36;

    Lens.words({
        en: {
            'graph.title': 'Graph',
            'graph.about':
                'The tape of one forward, from top to bottom as it was recorded: each line is an op ' +
                'with its path and the shape of what it gives; backward walks the same list upwards. ' +
                'Lines on the left lead from a value down to those who use it. ' +
                'It says what is computed from what, not how long it takes nor what it is good for.',
            'graph.missing':
                'No tape was recorded: the recorder takes that of its first probe ' + '(heed_recorder_probe).',
            'graph.fold': 'Fold all',
            'graph.unfold': 'Unfold all',
            'graph.ops': '{n} ops',
            'graph.count': '{n} ops, {leaves} parameters and inputs',
            'graph.reads': 'reads {what}',
            'graph.input': 'an input',
            'graph.more': '{n} more',
            'graph.feeds': 'takes from: {from}; used by: {to}',
            'graph.nothing': 'nothing',
            'graph.scalar': 'a number',
            'graph.outputs': '{shape} and {n} more',
        },
        ru: {
            'graph.title': 'Граф',
            'graph.about':
                'Лента одного прямого прохода сверху вниз, как она записана: в строке операция, её ' +
                'путь и форма результата; обратный проход идёт по тому же списку вверх. ' +
                'Линии слева ведут от значения вниз к тем, кто его использует. ' +
                'Здесь видно, что из чего вычислено, но не сколько времени это занимает и для чего оно нужно.',
            'graph.missing': 'Лента не записана: регистратор берёт ленту первой пробы (heed_recorder_probe).',
            'graph.fold': 'Свернуть всё',
            'graph.unfold': 'Развернуть всё',
            'graph.ops': 'операций: {n}',
            'graph.count': 'операций: {n}, параметров и входов: {leaves}',
            'graph.reads': 'читает {what}',
            'graph.input': 'вход',
            'graph.more': 'ещё {n}',
            'graph.feeds': 'берёт из: {from}; нужно для: {to}',
            'graph.nothing': 'ничего',
            'graph.scalar': 'число',
            'graph.outputs': '{shape} и ещё {n}',
        },
    });

    /* ---- the tree: runs of ops that share a path ---- */

    /* Ops first .. end-1, whose paths agree in their first `depth` parts -> ops, and runs that share one more part. */
    function childrenOf(ops, paths, first, end, depth) {
        const children = [];
        for (let i = first; i < end;) {
            const part = paths[i][depth];
            if (part === undefined) {
                children.push({ op: i, name: ops[i].op, first: i, end: i + 1 });
                i++;
                continue;
            }
            let stop = i + 1;
            while (stop < end && paths[stop][depth] === part) stop++;
            children.push(run(ops, paths, i, stop, depth + 1, part));
            i = stop;
        }
        return children;
    }

    /* A run of one op is that op; one that holds a single run takes its name along: encoder.0 */
    function run(ops, paths, first, end, depth, name) {
        const children = childrenOf(ops, paths, first, end, depth);
        if (end === first + 1 && !children[0].children)
            return { ...children[0], name: name + ': ' + children[0].name };
        if (children.length === 1 && children[0].children)
            return { ...children[0], name: name + '.' + children[0].name };
        return { name, first, end, children, key: first + ':' + depth };
    }

    function treeOf(graph) {
        const paths = graph.ops.map((o) => (o.path ? String(o.path).split('.') : []));
        return childrenOf(graph.ops, paths, 0, graph.ops.length, 0);
    }

    /* Rows that are seen when the runs of `open` are unfolded; at[i]: the row that stands for op i. */
    function rowsOf(tree, open, ops) {
        const rows = [],
            at = new Array(ops);
        (function walk(nodes, depth) {
            for (const node of nodes) {
                const unfolded = node.children && open.has(node.key);
                const row = { node, depth, unfolded };
                if (!unfolded) for (let i = node.first; i < node.end; i++) at[i] = rows.length;
                rows.push(row);
                if (unfolded) walk(node.children, depth + 1);
            }
        })(tree, 0);
        return { rows, at };
    }

    /* Pairs [from row, to row], each once, longest last; lanes so that no two lines lie on each other. */
    function linesOf(graph, at) {
        const seen = new Set(),
            lines = [];
        graph.ops.forEach((op, i) =>
            (op.inputs || []).forEach((input) => {
                if (input === null || input < 0 || at[input] === at[i]) return;
                const key = at[input] + '>' + at[i];
                if (!seen.has(key)) lines.push({ from: at[input], to: at[i] });
                seen.add(key);
            }),
        );
        lines.sort((a, b) => a.to - a.from - (b.to - b.from) || a.from - b.from);
        const taken = [];
        for (const line of lines) {
            let lane = 0;
            while ((taken[lane] || []).some((l) => l.from !== line.from && l.from < line.to && line.from < l.to))
                lane++;
            (taken[lane] = taken[lane] || []).push(line);
            line.lane = lane;
        }
        return lines;
    }

    /* ---- drawing ---- */

    const shapeText = (op) => {
        const shape = op.out && op.out.length ? '(' + op.out.join(', ') + ')' : Lens.t('graph.scalar');
        return op.outputs > 1 ? Lens.t('graph.outputs', { shape, n: op.outputs - 1 }) : shape;
    };

    /* Names of the leaves that ops first .. end-1 read, each once. */
    function leavesOf(graph, node) {
        const names = new Set();
        for (let i = node.first; i < node.end; i++)
            for (const input of graph.ops[i].inputs || [])
                if (input !== null && input < 0) {
                    const leaf = graph.leaves[-1 - input] || {};
                    names.add(
                        (leaf.name ? Lens.safe(leaf.name) : Lens.t('graph.input')) +
                            ' (' +
                            (leaf.shape || []).join(', ') +
                            ')',
                    );
                }
        return [...names];
    }

    function readsText(leaves) {
        const shown = leaves.slice(0, 3).join(', ');
        return leaves.length
            ? Lens.t('graph.reads', {
                  what: leaves.length > 3 ? shown + ', ' + Lens.t('graph.more', { n: leaves.length - 3 }) : shown,
              })
            : '';
    }

    function picture(lines, rows, lanes) {
        const width = LANE * (lanes + 1) + 10,
            height = rows * ROW;
        const root = svg('svg', {
            width,
            height,
            viewBox: `0 0 ${width} ${height}`,
            class: 'graph-lines',
            'aria-hidden': 'true',
        });
        for (const line of lines) {
            const x = width - 14 - LANE * line.lane,
                edge = width - 2,
                y = ROW * (line.from + 0.72),
                end = ROW * (line.to + 0.34);
            line.path = svg('path', {
                class: 'graph-line',
                d: `M${edge} ${y}H${x + 4}Q${x} ${y} ${x} ${y + 4}V${end - 4}Q${x} ${end} ${x + 4} ${end}H${edge}`,
            });
            line.tip = svg('path', { class: 'graph-tip', d: `M${edge + 1} ${end}l-6 -3.5v7Z` });
            root.append(line.path, line.tip);
        }
        return root;
    }

    function rowElement(graph, row, toggle) {
        const { node } = row,
            folded = Boolean(node.children);
        const reads = row.unfolded ? '' : readsText(leavesOf(graph, node));
        const shape = row.unfolded ? '' : shapeText(graph.ops[node.end - 1]);
        const element = el(
            'button',
            {
                type: 'button',
                class: 'graph-row' + (folded ? ' group' : ''),
                title: [node.name, shape, reads].filter(Boolean).join('; '),
            },
            [
                el('span', {
                    class: 'graph-mark',
                    'aria-hidden': 'true',
                    text: folded ? (row.unfolded ? '▾' : '▸') : '',
                }),
                el('span', { class: 'graph-name', text: node.name }),
                el('span', { class: 'graph-shape', text: shape }),
                el('span', {
                    class: 'graph-reads',
                    text: [folded && !row.unfolded ? Lens.t('graph.ops', { n: node.end - node.first }) : '', reads]
                        .filter(Boolean)
                        .join('; '),
                }),
            ],
        );
        element.style.paddingLeft = 8 + INDENT * row.depth + 'px';
        if (folded) {
            element.setAttribute('aria-expanded', String(row.unfolded));
            element.addEventListener('click', () => toggle(node.key));
        }
        return element;
    }

    /* Unfolds level by level while there is room for it. */
    function openSome(graph, tree, open) {
        for (let level = tree; ;) {
            const groups = level.filter((n) => n.children),
                tried = new Set([...open, ...groups.map((n) => n.key)]);
            if (!groups.length || rowsOf(tree, tried, graph.ops.length).rows.length > FIRST) return;
            groups.forEach((n) => open.add(n.key));
            level = groups.flatMap((n) => n.children);
        }
    }

    function make(root) {
        const graph = Lens.data.graph,
            tree = treeOf(graph),
            open = new Set();
        const said = el('p', { class: 'pointed', 'aria-live': 'polite' });
        const place = el('div', { class: 'graph' });
        const allKeys = (nodes) => nodes.flatMap((n) => (n.children ? [n.key, ...allKeys(n.children)] : []));
        const button = (key, act) => {
            const b = el('button', { type: 'button', class: 'plain', text: Lens.t(key), data: { name: key } });
            b.addEventListener('click', () => {
                act();
                draw();
            });
            return b;
        };
        root.append(
            el('div', { class: 'picks' }, [
                button('graph.unfold', () => allKeys(tree).forEach((k) => open.add(k))),
                button('graph.fold', () => open.clear()),
                el('span', {
                    class: 'quiet',
                    data: { name: 'graph.ops', value: graph.ops.length },
                    text: Lens.t('graph.count', { n: graph.ops.length, leaves: graph.leaves.length }),
                }),
            ]),
            said,
            place,
        );
        openSome(graph, tree, open);

        function draw(focus) {
            const { rows, at } = rowsOf(tree, open, graph.ops.length),
                lines = linesOf(graph, at);
            const lanes = lines.reduce((most, l) => Math.max(most, l.lane + 1), 1);
            const elements = rows.map((row) =>
                rowElement(graph, row, (key) => {
                    if (open.has(key)) open.delete(key);
                    else open.add(key);
                    draw(key);
                }),
            );
            place.replaceChildren(picture(lines, rows.length, lanes), el('div', { class: 'graph-rows' }, elements));
            const point = (i) => {
                lines.forEach((l) => {
                    const lit = l.from === i || l.to === i;
                    l.path.classList.toggle('lit', lit);
                    l.tip.classList.toggle('lit', lit);
                });
                const names = (list) => list.map((r) => rows[r].node.name).join(', ') || Lens.t('graph.nothing');
                said.textContent =
                    rows[i].node.name +
                    ': ' +
                    Lens.t('graph.feeds', {
                        from: names(lines.filter((l) => l.to === i).map((l) => l.from)),
                        to: names(lines.filter((l) => l.from === i).map((l) => l.to)),
                    });
            };
            elements.forEach((e, i) => {
                e.addEventListener('pointerenter', () => point(i));
                e.addEventListener('focus', () => point(i));
            });
            const back = focus ? rows.findIndex((r) => r.node.key === focus) : -1;
            if (back >= 0) elements[back].focus();
        }
        draw();
        return { update() {} };
    }

    parts.view({
        id: 'graph',
        needs: (data) => Boolean(data.graph && data.graph.ops && data.graph.ops.length),
        make,
    });
})();
