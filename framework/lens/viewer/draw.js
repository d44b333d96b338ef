/* Colours, and what canvases have in common. One diverging scale serves the whole page: blue below zero, nothing
 * at zero, red above; its two hues differ for colour-blind eyes too, and in lightness from zero outwards. */
(function () {
    'use strict';

    /* From zero outwards. */
    const scales = {
        light: {
            zero: [250, 250, 250],
            below: [
                [146, 190, 222],
                [47, 112, 180],
                [10, 40, 96],
            ],
            above: [
                [246, 187, 150],
                [206, 84, 52],
                [110, 10, 28],
            ],
        },
        dark: {
            zero: [26, 29, 35],
            below: [
                [36, 76, 128],
                [72, 150, 222],
                [196, 230, 255],
            ],
            above: [
                [124, 52, 34],
                [232, 118, 66],
                [255, 226, 178],
            ],
        },
    };

    function mix(stops, share) {
        const at = share * (stops.length - 1),
            i = Math.min(stops.length - 2, Math.floor(at)),
            part = at - i;
        return stops[i].map((x, c) => Math.round(x + part * (stops[i + 1][c] - x)));
    }

    Lens.isDark = () => document.documentElement.dataset.theme === 'dark';

    const steps = 255;
    const tables = {};
    function table() {
        const name = Lens.isDark() ? 'dark' : 'light';
        if (!tables[name]) {
            const s = scales[name];
            tables[name] = Array.from({ length: 2 * steps + 1 }, (_, i) => {
                const x = (i - steps) / steps;
                return mix([s.zero, ...(x < 0 ? s.below : s.above)], Math.abs(x));
            });
        }
        return tables[name];
    }

    /* Where x stands on the scale, -1 to 1. 'root': by the square root, so that small numbers are seen beside large. */
    Lens.shareOf = function (x, limit, scale) {
        const share = Math.min(1, Math.abs(x) / limit);
        return Math.sign(x) * (scale === 'root' ? Math.sqrt(share) : share);
    };

    /* [red, green, blue] of a number; null for what is not a number. */
    Lens.shade = function (x, limit, scale) {
        if (!Number.isFinite(x)) return null;
        return table()[Math.round(steps + steps * Lens.shareOf(x, limit, scale))];
    };
    Lens.css = (rgb) => `rgb(${rgb[0]}, ${rgb[1]}, ${rgb[2]})`;
    /* A colour of the style sheet: '--query'. */
    Lens.colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

    const lengths = [
        'height',
        'most',
        'mostHeight',
        'leastHeight',
        'cellHeight',
        'fontSize',
        'top',
        'right',
        'bottom',
        'left',
    ];

    /* Lengths in pixels as meant beside letters of 15 pixels, for letters of the page's size. */
    Lens.magnified = function (options) {
        const times = parseFloat(getComputedStyle(document.documentElement).fontSize) / 15;
        const larger = { ...options };
        for (const name of lengths) if (larger[name]) larger[name] = Math.round(larger[name] * times * 10) / 10;
        return larger;
    };

    /* A canvas of so many CSS pixels, sharp on any screen; returns its context, in CSS pixels. */
    Lens.sized = function (canvas, width, height) {
        const ratio = window.devicePixelRatio || 1;
        canvas.width = Math.max(1, Math.round(width * ratio));
        canvas.height = Math.max(1, Math.round(height * ratio));
        canvas.style.width = width + 'px';
        canvas.style.height = height + 'px';
        const context = canvas.getContext('2d');
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        return context;
    };

    /* Calls draw() when the element is first given a width, and whenever that changes. */
    Lens.whenSized = function (element, draw) {
        let width = 0;
        new ResizeObserver(() => {
            if (element.clientWidth && element.clientWidth !== width) {
                width = element.clientWidth;
                draw(width);
            }
        }).observe(element);
    };

    /* The scale with its ends and their unit. {limit, scale, unit, from: 0 for numbers that are never negative; same: false where
     * the limit is that of the step shown} */
    Lens.legend = function (options) {
        const o = options,
            low = o.from === 0 ? 0 : -1;
        const strip = Lens.el('span', { class: 'legend-strip' });
        const colours = Array.from({ length: 25 }, (_, i) => {
            const at = low + (i / 24) * (1 - low);
            return Lens.css(Lens.shade(at, 1, 'linear'));
        });
        strip.style.background = `linear-gradient(to right, ${colours.join(', ')})`;
        const value = (m) => o.limit * (o.scale === 'root' ? m * Math.abs(m) : m);
        const marks = low < 0 ? [-1, -0.5, 0, 0.5, 1] : [0, 0.5, 1];
        const text = marks.map((m) => Lens.format(value(m)));
        const few = low < 0 && text.some((t) => t.length > 6) ? [text[0], text[2], text[4]] : text;
        const spread = o.same === false ? 'legend.fitted' : o.scale === 'root' ? 'legend.root' : 'legend.same';
        return Lens.el(
            'div',
            {
                class: 'legend',
                role: 'img',
                'aria-label': Lens.t('legend', {
                    low: Lens.format(value(low)),
                    high: Lens.format(value(1)),
                    unit: typeof o.unit === 'string' ? o.unit : o.unit ? o.unit.textContent : '',
                }),
            },
            [
                Lens.el('span', { class: 'legend-body' }, [
                    strip,
                    Lens.el(
                        'span',
                        { class: 'legend-marks' },
                        few.map((t) => Lens.el('span', { text: t })),
                    ),
                ]),
                Lens.el('span', { class: 'legend-unit' }, [
                    Lens.el('span', {}, o.unit),
                    Lens.el('span', {
                        class: 'quiet',
                        text: Lens.t(spread),
                    }),
                ]),
            ],
        );
    };
})();
