/* The ground of the page: state that all views share, elements built without markup from data, numbers and words.
 * Everything hangs on one object, Lens; each file adds to it. Nothing here knows what is drawn. */
var Lens = {};

(function () {
    'use strict';

    /* ---- text ---- */

    /* What could hide, reorder or break text: controls, bidirectional marks, invisible characters, tags. */
    const unseen =
        /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
    const lone = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

    function code(character) {
        return '<U+' + character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0') + '>';
    }

    /* Text from a recording as it may be shown: halves of surrogate pairs as U+FFFD, unseen characters as codes. */
    Lens.safe = (text) => String(text).replace(lone, '\ufffd').replace(unseen, code);

    /* A token's name: as safe, and where there is nothing but spaces one sees that. */
    Lens.token = function (text) {
        const shown = Lens.safe(text);
        return shown === '' ? '\u2205' : shown.replace(/^ +| +$/g, (spaces) => '\u2423'.repeat(spaces.length));
    };

    /* ---- elements ---- */

    function append(parent, children) {
        for (const child of Array.isArray(children) ? children : [children]) {
            if (child === null || child === undefined || child === false) continue;
            if (Array.isArray(child)) append(parent, child);
            else parent.append(child instanceof Node ? child : Lens.safe(child));
        }
        return parent;
    }

    const named = { class: 1, text: 1, on: 1, data: 1 };

    function dress(element, attributes) {
        if (attributes.class) element.setAttribute('class', attributes.class);
        if (attributes.text !== undefined) element.textContent = Lens.safe(attributes.text);
        for (const [event, act] of Object.entries(attributes.on || {})) element.addEventListener(event, act);
        for (const [name, value] of Object.entries(attributes.data || {})) element.dataset[name] = Lens.safe(value);
        for (const [name, value] of Object.entries(attributes)) {
            if (named[name] || value === undefined || value === null || value === false) continue;
            if (/^on|^style$/i.test(name)) throw new Error('attribute ' + name);
            element.setAttribute(name, value === true ? '' : Lens.safe(value));
        }
        return element;
    }

    /* el('p', {class, text, on: {click}, data: {name}, any attribute}, children): children are nodes, texts, or
     * lists. */
    Lens.el = (tag, attributes, children) => append(dress(document.createElement(tag), attributes || {}), children);
    Lens.svg = (tag, attributes, children) =>
        append(dress(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes || {}), children);
    Lens.append = append;
    Lens.fill = function (element, children) {
        element.replaceChildren();
        return append(element, children);
    };

    /* ---- numbers ---- */

    const raised = {
        '-': '\u207b',
        0: '\u2070',
        1: '\u00b9',
        2: '\u00b2',
        3: '\u00b3',
        4: '\u2074',
        5: '\u2075',
        6: '\u2076',
        7: '\u2077',
        8: '\u2078',
        9: '\u2079',
    };

    /* Three figures or so, a true minus sign: 1 234, 12.3, 0.0123, 1.2·10⁻⁵. `digits`: so many after the point. */
    Lens.format = function (x, digits) {
        if (x === null || x === undefined || Number.isNaN(x)) return '–';
        if (!Number.isFinite(x)) return x < 0 ? '\u2212\u221e' : '\u221e';
        const size = Math.abs(x);
        let text;
        if (digits !== undefined) text = size.toFixed(digits);
        else if (Number.isInteger(x) && size < 1e7) text = String(size);
        else if (size >= 1e6 || size < 1e-3) {
            const [figures, power] = size.toExponential(1).split('e');
            text = figures + '\u00b710' + [...String(Number(power))].map((c) => raised[c]).join('');
        } else
            text =
                size >= 100
                    ? size.toFixed(0)
                    : size >= 10
                      ? size.toFixed(1)
                      : size >= 0.1
                        ? size.toFixed(3)
                        : size.toFixed(4);
        return (x < 0 && /[1-9]/.test(text) ? '\u2212' : '') + text;
    };

    /* A number in the text, with its name and its full precision for who reads the page by program; .set(x)
     * changes it. */
    Lens.number = function (name, x, options) {
        const o = options || {};
        const element = Lens.el('span', { class: 'number ' + (o.class || ''), data: { name } });
        element.set = function (y) {
            element.dataset.value = String(y);
            element.textContent =
                (o.sign && y > 0 ? '+' : '') + Lens.format(y, o.digits) + (o.unit ? '\u00a0' + o.unit : '');
            return element;
        };
        return element.set(x);
    };

    /* ---- words ---- */

    const words = { en: {}, ru: {} };
    Lens.languages = { en: 'English', ru: 'Русский' };
    Lens.words = function (more) {
        for (const language of Object.keys(more))
            Object.assign((words[language] = words[language] || {}), more[language]);
    };

    const template = (key) => (words[Lens.state.language] || {})[key] || words.en[key] || key;
    const gap = /\{(\w+)\}/g;

    /* The words of a key as plain text, {name} replaced by values.name. */
    Lens.t = function (key, values) {
        const plain = template(key).replace(/\[\w\|([^\]]*)\]/g, '$1');
        return Lens.safe(plain.replace(gap, (all, name) => (values && name in values ? String(values[name]) : all)));
    };

    /* W^Q, k_j, d_k: raised and lowered; heed_recorder is a name. */
    function scripts(text) {
        const parts = [];
        let rest = text;
        for (let m; (m = /(\^|_(?=\w(?!\w)))(\w|ᵀ|⁻¹)/u.exec(rest)); rest = rest.slice(m.index + m[0].length))
            parts.push(rest.slice(0, m.index), Lens.el(m[1] === '^' ? 'sup' : 'sub', { text: m[2] }));
        return [...parts, rest];
    }

    Lens.scripts = (text) => append(document.createDocumentFragment(), scripts(text));

    const inks = { q: 'query', k: 'key', v: 'value', g: 'gradient', b: 'strong', m: 'formula' };

    /* The words of a key as nodes: [q|W^Q] in the query's colour (k, v, g for gradient, b bold, m formula); a
     * value that is a node is put in as it is, a text is never read as markup. */
    Lens.rich = function (key, values) {
        const fragment = document.createDocumentFragment();
        const put = (text, parent) =>
            text.split(gap).forEach((part, i) => {
                if (i % 2 === 0) append(parent, scripts(part));
                else append(parent, values && part in values ? values[part] : '{' + part + '}');
            });
        template(key)
            .split(/\[([qkvgbm])\|([^\]]*)\]/)
            .forEach((part, i, all) => {
                if (i % 3 === 0) put(part, fragment);
                else if (i % 3 === 2) {
                    const span = Lens.el('span', { class: inks[all[i - 1]] });
                    put(part, span);
                    fragment.append(span);
                }
            });
        return fragment;
    };

    /* ---- state ---- */

    const told = [];
    Lens.state = {
        frame: 0,
        language: 'en',
        theme: 'auto',
        place: '',
        playing: false,
        layer: null,
        head: 0,
        probe: null,
        run: 0,
        pinned: null /* in Matrices */,
        pinnedMap: null /* in Attention */,
        pinnedCircuit: null /* in Circuits */,
    };
    Lens.on = (fn) => told.push(fn);
    Lens.set = function (changes) {
        const changed = {};
        for (const [key, value] of Object.entries(changes))
            if (Lens.state[key] !== value) {
                changed[key] = true;
                Lens.state[key] = value;
            }
        if (Object.keys(changed).length) for (const fn of told) fn(changed);
    };

    /* ---- what there is to be seen ---- */

    Lens.stops = [];
    Lens.views = [];
    /* {id, title, about: keys of words, needs(data) -> bool, make(root) -> {update(changed)}}. A stop has besides:
     * say and act (keys: the one sentence, the one thing to do), start() -> the frame it opens at. */
    Lens.stop = (stop) => Lens.stops.push(stop);
    Lens.view = (view) => Lens.views.push(view);
})();
