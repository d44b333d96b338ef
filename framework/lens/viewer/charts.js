/* Curves over steps, and bars. */
(function () {
    'use strict';

    /* ---- axes ---- */

    /* Round numbers between low and high, some `count` of them. */
    function ticks(low, high, count) {
        const raw = (high - low) / count,
            power = 10 ** Math.floor(Math.log10(raw || 1));
        const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw) || power;
        const list = [];
        for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
            list.push(Number((i * step).toPrecision(12)));
        return list;
    }
    Lens.ticks = ticks;

    function range(series, pick, fixed) {
        let low = Infinity,
            high = -Infinity;
        for (const s of series)
            for (const x of s[pick]) if (Number.isFinite(x)) ((low = Math.min(low, x)), (high = Math.max(high, x)));
        if (fixed) ((low = fixed[0] === null ? low : fixed[0]), (high = fixed[1] === null ? high : fixed[1]));
        if (!(low <= high)) return [0, 1];
        return low === high ? [low - 0.5, high + 0.5] : [low, high];
    }

    const room = { top: 19, right: 22, bottom: 30, left: 46, height: 0 };

    function frameOf(o, width) {
        const [x0, x1] = range(o.series, 'x', o.xRange),
            [y0, y1] = range(o.series, 'y', o.yRange);
        const edges = Lens.magnified(room),
            height = Lens.magnified(o).height;
        const w = width - edges.left - edges.right,
            h = height - edges.top - edges.bottom;
        return {
            edges,
            height,
            x0,
            x1,
            y0,
            y1,
            w,
            h,
            width,
            x: (v) => edges.left + ((v - x0) / (x1 - x0)) * w,
            y: (v) => edges.top + (1 - (v - y0) / (y1 - y0)) * h,
            back: (px) => x0 + ((px - edges.left) / w) * (x1 - x0),
        };
    }

    function axes(o, f) {
        const bottom = f.edges.top + f.h,
            parts = [];
        const line = (x1, y1, x2, y2, of) => Lens.svg('line', { x1, y1, x2, y2, class: of });
        for (const t of ticks(f.y0, f.y1, Math.max(2, f.h / 45))) {
            parts.push(line(f.edges.left, f.y(t), f.edges.left + f.w, f.y(t), 'grid'));
            parts.push(
                Lens.svg('text', { x: f.edges.left - 6, y: f.y(t) + 4, class: 'tick end', text: Lens.format(t) }),
            );
        }
        for (const t of ticks(f.x0, f.x1, Math.max(2, f.w / 110)))
            parts.push(
                Lens.svg('text', {
                    x: f.x(t),
                    y: bottom + f.edges.bottom / 2,
                    class: 'tick middle',
                    text: Lens.format(t),
                }),
            );
        parts.push(line(f.edges.left, bottom, f.edges.left + f.w, bottom, 'axis'));
        if (o.xLabel)
            parts.push(Lens.svg('text', { x: f.edges.left + f.w, y: f.height - 2, class: 'tick end', text: o.xLabel }));
        if (o.yLabel) parts.push(Lens.svg('text', { x: 2, y: f.edges.top - 5, class: 'tick', text: o.yLabel }));
        return parts;
    }

    function path(s, f) {
        let d = '',
            down = false;
        s.x.forEach((x, i) => {
            const y = s.y[i];
            if (!Number.isFinite(y)) return void (down = false);
            d += `${down ? 'L' : 'M'}${f.x(x).toFixed(1)} ${f.y(y).toFixed(1)}`;
            down = true;
        });
        const line = Lens.svg('path', { d, class: 'curve' + (s.faint ? ' faint' : '') + (s.dashed ? ' dashed' : '') });
        line.style.stroke = Lens.colour(s.colour || '--ink');
        return line;
    }

    function nearest(s, x) {
        let best = 0;
        for (let i = 1; i < s.x.length; i++) if (Math.abs(s.x[i] - x) < Math.abs(s.x[best] - x)) best = i;
        return best;
    }

    /* ---- curves ---- */

    /* {series: [{name, label, title: text, or a function that makes nodes, instead of the label, x, y, colour: '--query', dashed, faint}];
     * label: what the picture is; xLabel, yLabel; height; xRange, yRange: [low, high], null for what the numbers
     * give; marker: an x, marked on every curve; pick(x): called where the reader clicks; name: data-name; key:
     * false for no list of the curves}. -> element with .update(changes). */
    Lens.curves = function (options) {
        const o = { height: 150, ...options };
        let width = 0;
        const svg = Lens.svg('svg', { class: 'curves' + (o.pick ? ' choosable' : ''), role: 'img' });
        const list = Lens.el('div', { class: 'key' });
        const body = Lens.el('div', { class: 'curves-body' }, svg);
        const element = Lens.el('figure', { class: 'curves-figure', data: { name: o.name || o.label } }, [
            o.title && Lens.el('figcaption', {}, o.title),
            o.key === false ? null : list,
            body,
        ]);

        function mark(f) {
            if (o.marker === undefined || o.marker === null) return [];
            const x = f.x(o.marker),
                parts = [];
            parts.push(Lens.svg('line', { x1: x, x2: x, y1: f.edges.top, y2: f.edges.top + f.h, class: 'marker' }));
            for (const s of o.series) {
                const i = nearest(s, o.marker);
                if (s.faint || !Number.isFinite(s.y[i])) continue;
                const dot = Lens.svg('circle', { cx: x, cy: f.y(s.y[i]), r: 4, class: 'dot' });
                dot.style.fill = Lens.colour(s.colour || '--ink');
                parts.push(dot);
            }
            return parts;
        }

        function fillKey() {
            Lens.fill(
                list,
                o.series.map((s) => {
                    const swatch = Lens.el('span', { class: 'swatch' + (s.dashed ? ' dashed' : '') });
                    swatch.style.borderColor = Lens.colour(s.colour || '--ink');
                    const i = o.marker === undefined || o.marker === null ? s.y.length - 1 : nearest(s, o.marker);
                    return Lens.el('span', { class: 'key-item' }, [
                        swatch,
                        Lens.el('span', {}, typeof s.title === 'function' ? s.title() : s.title || s.label),
                        s.faint ? null : Lens.number(s.name || s.label, s.y[i]),
                    ]);
                }),
            );
        }

        function draw() {
            if (o.key !== false) fillKey();
            if (!width || !o.series.length) return;
            const f = frameOf(o, width);
            svg.setAttribute('viewBox', `0 0 ${width} ${f.height}`);
            svg.setAttribute('height', f.height);
            svg.setAttribute(
                'aria-label',
                Lens.safe(
                    o.label +
                        '. ' +
                        o.series
                            .map((s) =>
                                Lens.t('curve.alt', {
                                    name: s.label,
                                    first: Lens.format(s.y[0]),
                                    last: Lens.format(s.y[s.y.length - 1]),
                                }),
                            )
                            .join(' '),
                ),
            );
            Lens.fill(svg, [axes(o, f), o.series.map((s) => path(s, f)), mark(f), o.extra ? o.extra(f) : []]);
            element.frame = f;
        }

        if (o.pick) {
            const pick = (event) => {
                if (event.type === 'pointermove' && !event.buttons) return;
                const box = svg.getBoundingClientRect();
                o.pick(
                    Math.min(
                        element.frame.x1,
                        Math.max(element.frame.x0, element.frame.back(event.clientX - box.left)),
                    ),
                );
            };
            svg.addEventListener('pointerdown', pick);
            svg.addEventListener('pointermove', pick);
        }
        element.update = function (changes) {
            Object.assign(o, changes);
            draw();
        };
        Lens.whenSized(body, (w) => {
            width = w;
            draw();
        });
        draw();
        return element;
    };

    /* The loss of training, with the step the page stands at; a click goes to that step. */
    Lens.lossCurve = function (more) {
        const loss = Lens.data.scalars.loss || { step: [], value: [] };
        const element = Lens.curves({
            name: 'loss',
            label: Lens.t('loss'),
            xLabel: Lens.t('step'),
            yLabel: Lens.t('loss'),
            key: false,
            height: 130,
            yRange: [0, null],
            marker: Lens.steps[Lens.state.frame],
            series: [{ name: 'loss', label: Lens.t('loss'), x: loss.step, y: loss.value, colour: '--ink' }],
            pick: (step) => Lens.set({ frame: Lens.frameOf(step), playing: false }),
            ...more,
        });
        element.step = () => element.update({ marker: Lens.steps[Lens.state.frame] });
        return element;
    };

    /* ---- bars ---- */

    /* Lying bars with names and numbers. {names: texts or nodes; values; limit; signed: zero in the middle;
     * colour; name: data-name of each number, name[i]; digits; unit; strong: index or indices to be set off;
     * label; onPoint(i)}. -> element with .update(values, changes), .light(indices). */
    Lens.bars = function (options) {
        const o = { limit: 1, ...options };
        let values = o.values;
        const rows = o.names.map((name, i) => {
            const bar = Lens.el('span', { class: 'bar' });
            const number = Lens.number(`${o.name || 'bar'}[${i}]`, values[i], { digits: o.digits, unit: o.unit });
            const row = Lens.el(
                'li',
                {
                    class: 'bar-row',
                    on: o.onPoint
                        ? {
                              pointerenter: () => o.onPoint(i),
                              pointerdown: () => o.onPoint(i),
                              focus: () => o.onPoint(i),
                              pointerleave: (e) => e.pointerType === 'mouse' && o.onPoint(null),
                              blur: () => o.onPoint(null),
                          }
                        : {},
                    tabindex: o.onPoint ? 0 : null,
                },
                [
                    Lens.el('span', { class: 'bar-name' }, typeof name === 'string' ? Lens.token(name) : name),
                    Lens.el('span', { class: 'bar-track' + (o.signed ? ' signed' : '') }, bar),
                    number,
                ],
            );
            return { bar, number, row };
        });
        const element = Lens.el(
            'ul',
            { class: 'bars', 'aria-label': o.label },
            rows.map((r) => r.row),
        );

        function draw() {
            const strong = [].concat(o.strong === undefined ? [] : o.strong);
            rows.forEach(({ bar, number, row }, i) => {
                const x = Number.isFinite(values[i]) ? values[i] : 0,
                    share = Math.min(1, Math.abs(x) / o.limit);
                number.set(values[i]);
                row.classList.toggle('strong', strong.includes(i));
                bar.style.width = (o.signed ? 50 : 100) * share + '%';
                if (o.signed) bar.style.left = (x < 0 ? 50 * (1 - share) : 50) + '%';
                const colour = [].concat(o.colour || (o.signed ? (x < 0 ? '--below' : '--above') : '--bar'));
                bar.style.background = `var(${colour[i % colour.length]})`;
            });
        }
        element.update = function (next, changes) {
            values = next;
            Object.assign(o, changes || {});
            draw();
        };
        element.light = (indices) =>
            rows.forEach(({ row }, i) => row.classList.toggle('lit', (indices || []).includes(i)));
        draw();
        return element;
    };
})();
