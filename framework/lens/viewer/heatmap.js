/* A matrix as a picture on a canvas: one cell a number, or one bar a number, that can be pointed at with mouse,
 * finger or arrow keys. What is pointed at is said in words below, and outlined together with whatever the view
 * wants lit. */
(function () {
    'use strict';

    const font = (size) => `${size}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace`;
    const smallest = 7.5; /* pixels of a cell whose name can still be read */

    const names = (list, i) => (list ? Lens.token(list[i]) : String(i + 1));

    /* ---- how large ---- */

    function widest(context, list, most) {
        let width = 0;
        for (const name of list || []) width = Math.max(width, context.measureText(Lens.token(name)).width);
        return Math.min(width, most);
    }

    /* Places everything in `width` pixels: cells, names at the left, names on top (turned where they are long). */
    function layout(o, context, width) {
        context.font = font(o.fontSize);
        const left = o.rowNames ? Math.ceil(widest(context, o.rowNames, width * 0.3)) + 7 : 0;
        const w = Math.min(o.most, (width - left - 1) / o.columns);
        const long = o.columnNames ? widest(context, o.columnNames, 120) : 0;
        const turned = long > w - 2 && long > o.fontSize;
        const top = o.columnNames ? Math.ceil(turned ? long : o.fontSize) + 6 : 0;
        const h = o.cellHeight || Math.min(o.mostHeight || o.most, Math.max(w, o.leastHeight));
        return { left, top, w, h, turned, width: left + w * o.columns + 1, height: top + h * o.rows + 1 };
    }

    /* ---- drawing ---- */

    function drawCells(o, context, at, values) {
        const image = new ImageData(o.columns, o.rows),
            pixels = image.data;
        for (let i = 0; i < values.length; i++) {
            const rgb = Lens.shade(values[i], o.limit, o.scale);
            if (!rgb) continue;
            pixels.set(rgb, 4 * i);
            pixels[4 * i + 3] = 255;
        }
        const small = document.createElement('canvas');
        small.width = o.columns;
        small.height = o.rows;
        small.getContext('2d').putImageData(image, 0, 0);
        context.imageSmoothingEnabled = false;
        context.drawImage(small, at.left, at.top, at.w * o.columns, at.h * o.rows);
    }

    /* Each row a small chart: bars up for positive numbers, down for negative ones. */
    function drawBars(o, context, at, values) {
        for (let row = 0; row < o.rows; row++) {
            const middle = at.top + (row + 0.5) * at.h;
            context.fillStyle = Lens.colour('--line');
            context.fillRect(at.left, middle - 0.5, at.w * o.columns, 1);
            for (let column = 0; column < o.columns; column++) {
                const x = values[row * o.columns + column];
                if (!Number.isFinite(x)) continue;
                const height = Lens.shareOf(x, o.limit, o.scale) * (at.h / 2 - 2);
                context.fillStyle = Lens.colour(x < 0 ? '--below' : '--above');
                context.fillRect(
                    at.left + column * at.w + 0.5,
                    Math.min(middle, middle - height),
                    Math.max(0.8, at.w - 1),
                    Math.abs(height),
                );
            }
        }
    }

    /* Numbers in their cells, where they fit. */
    function drawNumbers(o, context, at, values) {
        context.textAlign = 'center';
        context.textBaseline = 'middle';
        context.font = font(Math.min(13, at.h * 0.42, at.w * 0.3));
        values.forEach((x, i) => {
            const rgb = Lens.shade(x, o.limit, o.scale);
            if (!rgb) return;
            context.fillStyle = 0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2] > 120 ? '#000' : '#fff';
            context.fillText(
                Lens.format(x, o.digits),
                at.left + ((i % o.columns) + 0.5) * at.w,
                at.top + (Math.floor(i / o.columns) + 0.5) * at.h,
            );
        });
    }

    /* Every name, or every second, third, ... if there is no room. */
    function drawNames(o, context, at, lit) {
        const every = (size, need) => Math.max(1, Math.ceil(need / size));
        context.textBaseline = 'middle';
        const ink = (on) => Lens.colour(on ? '--ink' : '--quiet');
        if (o.rowNames) {
            context.font = font(Math.max(8, Math.min(o.fontSize, at.h + 1)));
            context.textAlign = 'right';
            const step = every(at.h, smallest);
            for (let row = 0; row < o.rows; row++) {
                if (row % step && !lit.rows.has(row)) continue;
                context.fillStyle = ink(lit.rows.has(row));
                context.fillText(names(o.rowNames, row), at.left - 5, at.top + (row + 0.5) * at.h, at.left - 5);
            }
        }
        if (!o.columnNames) return;
        context.font = font(o.fontSize);
        const step = every(at.w, at.turned ? smallest : widest(context, o.columnNames, 120) + 1);
        for (let column = 0; column < o.columns; column++) {
            if (column % step && !lit.columns.has(column)) continue;
            context.fillStyle = ink(lit.columns.has(column));
            context.save();
            context.translate(at.left + (column + 0.5) * at.w, at.top - 5);
            if (at.turned) context.rotate(-Math.PI / 2);
            context.textAlign = at.turned ? 'left' : 'center';
            context.textBaseline = at.turned ? 'middle' : 'alphabetic';
            context.fillText(names(o.columnNames, column), 0, 0, 118);
            context.restore();
        }
    }

    function outline(context, x, y, w, h, width, inner) {
        context.lineWidth = width + 2;
        context.strokeStyle = Lens.colour('--paper');
        context.strokeRect(x - 1, y - 1, w + 2, h + 2);
        context.lineWidth = width;
        context.strokeStyle = inner;
        context.strokeRect(x - 1, y - 1, w + 2, h + 2);
    }

    function drawLit(o, context, at, lit, point) {
        const ink = Lens.colour(o.ink || '--ink');
        for (const row of lit.rows) outline(context, at.left, at.top + row * at.h, at.w * o.columns, at.h, 1.5, ink);
        for (const column of lit.columns)
            outline(context, at.left + column * at.w, at.top, at.w, at.h * o.rows, 1.5, ink);
        for (const [row, column] of point ? [...lit.cells, point] : lit.cells)
            outline(context, at.left + column * at.w, at.top + row * at.h, at.w, at.h, 2, Lens.colour('--ink'));
    }

    /* ---- pointing ---- */

    function cellAt(o, at, canvas, event) {
        const box = canvas.getBoundingClientRect();
        const row = Math.floor((event.clientY - box.top - at.top) / at.h);
        const column = Math.floor((event.clientX - box.left - at.left) / at.w);
        return row >= 0 && row < o.rows && column >= 0 && column < o.columns ? [row, column] : null;
    }

    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

    function listen(o, canvas, now, point) {
        const follow = (event) => {
            const cell = cellAt(o, now(), canvas, event);
            if (cell || event.type === 'pointerdown') point(cell);
        };
        canvas.addEventListener('pointermove', follow);
        canvas.addEventListener('pointerdown', follow);
        canvas.addEventListener(
            'click',
            () => o.onChoose && canvas.point && o.onChoose(canvas.point[0], canvas.point[1]),
        );
        canvas.addEventListener('pointerleave', (event) => event.pointerType === 'mouse' && point(null));
        canvas.addEventListener('keydown', (event) => {
            const move = moves[event.key],
                p = canvas.point || [0, 0];
            if (event.key === 'Escape') point(null);
            else if (event.key === 'Enter' && o.onChoose && canvas.point) o.onChoose(p[0], p[1]);
            else if (!move) return;
            else if (!canvas.point) point([0, 0]);
            else point([(p[0] + move[0] + o.rows) % o.rows, (p[1] + move[1] + o.columns) % o.columns]);
            event.preventDefault();
            event.stopPropagation();
        });
    }

    /* ---- the element ---- */

    const defaults = { limit: 1, scale: 'linear', mark: 'cell', most: 26, leastHeight: 0, fontSize: 11, readout: true };
    const noneLit = () => ({ rows: new Set(), columns: new Set(), cells: [] });

    /* {rows, columns: counts; values: rows*columns numbers, row after row; rowNames, columnNames: lists or none;
     * limit; scale 'linear' | 'root'; mark 'cell' | 'bar'; numbers: written into cells; digits; unit; label: what
     * the picture is; name: its data-name; ink: a colour variable for lit rows and columns, '--query'; title:
     * above it (text or node); most, mostHeight, leastHeight, cellHeight: pixels beside letters of 15; readout: false for none;
     * describe(row, column, x) -> nodes or text; onPoint(row, column) or onPoint(null); onChoose(row, column):
     * click or Enter}. -> element with .update(values), .light({rows, columns, cells}), .point(row, column). */
    Lens.heatmap = function (options) {
        const o = { ...defaults, ...options };
        let values = o.values,
            lit = noneLit(),
            at = null,
            width = 0;
        const canvas = Lens.el('canvas', {
            tabindex: 0,
            role: 'application',
            'aria-roledescription': Lens.t('heatmap'),
            class: o.onChoose ? 'choosable' : '',
        });
        const says = o.readout && Lens.el('output', { class: 'readout', 'aria-live': 'polite' });
        const body = Lens.el('div', { class: 'heatmap-body' }, canvas);
        const element = Lens.el('figure', { class: 'heatmap', data: { name: o.name || o.label } }, [
            o.title && Lens.el('figcaption', {}, o.title),
            body,
            says,
        ]);
        canvas.point = null;

        function draw() {
            if (!width) return;
            const p = Lens.magnified(o);
            at = layout(p, canvas.getContext('2d'), width);
            const context = Lens.sized(canvas, at.width, at.height);
            const onto = o.mark === 'bar' ? drawBars : drawCells;
            onto(p, context, at, values);
            if (o.mark === 'cell' && o.numbers && at.w >= 24) drawNumbers(p, context, at, values);
            context.strokeStyle = Lens.colour('--line');
            context.lineWidth = 1;
            context.strokeRect(at.left + 0.5, at.top + 0.5, at.w * o.columns - 1, at.h * o.rows - 1);
            const shown = { rows: new Set(lit.rows), columns: new Set(lit.columns) };
            if (canvas.point) shown.rows.add(canvas.point[0]) && shown.columns.add(canvas.point[1]);
            drawNames(p, context, at, shown);
            drawLit(p, context, at, lit, canvas.point);
        }

        function say() {
            canvas.setAttribute('aria-label', `${o.label}: ${o.rows} × ${o.columns}. ${Lens.t('heatmap.how')}`);
            if (!says) return;
            says.dataset.name = (o.name || o.label) + '.point';
            if (!canvas.point) {
                says.removeAttribute('data-value');
                Lens.fill(says, Lens.el('span', { class: 'quiet', text: Lens.t('heatmap.point') }));
                return;
            }
            const [row, column] = canvas.point,
                x = values[row * o.columns + column];
            Object.assign(says.dataset, { value: String(x), row, column });
            Lens.fill(
                says,
                o.describe
                    ? o.describe(row, column, x)
                    : [
                          `${names(o.rowNames, row)}, ${names(o.columnNames, column)}: `,
                          Lens.number((o.name || o.label) + '.at', x, { unit: o.unit, class: 'strong' }),
                      ],
            );
        }

        function point(cell) {
            const p = canvas.point;
            if (p === cell || (p && cell && p[0] === cell[0] && p[1] === cell[1])) return;
            canvas.point = cell;
            say();
            draw();
            if (o.onPoint) o.onPoint(cell ? cell[0] : null, cell ? cell[1] : null);
        }

        element.update = function (next, changes) {
            values = next;
            Object.assign(o, changes || {});
            say();
            draw();
        };
        element.light = function (what) {
            const w = what || {};
            lit = { rows: new Set(w.rows || []), columns: new Set(w.columns || []), cells: w.cells || [] };
            draw();
        };
        element.point = (row, column) => point(row === null ? null : [row, column]);
        element.canvas = canvas;
        listen(o, canvas, () => at, point);
        Lens.whenSized(body, (w) => {
            width = w;
            draw();
        });
        say();
        return element;
    };
})();
