/* The numbers of the page: the payload, its arrays decoded when asked for, and colours' limits over all frames. */
(function () {
    'use strict';

    /* What JSON cannot say (not a number, infinity) comes as null. */
    Lens.open = function () {
        Lens.data = JSON.parse(document.getElementById('heed-data').textContent);
        Lens.header = Lens.data.header;
        Lens.steps = Lens.data.steps;
        Lens.frames = Lens.steps.length;
    };

    function bytesOf(base64) {
        const text = atob(base64),
            bytes = new Uint8Array(text.length);
        for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
        return bytes;
    }

    /* The smallest integer stands for what is not a finite number, or not in that frame. */
    const readers = {
        f32: { size: 4, get: (view, at) => view.getFloat32(at, true) },
        i16: { size: 2, none: -32768, get: (view, at) => view.getInt16(at, true) },
        i8: { size: 1, none: -128, get: (view, at) => view.getInt8(at) },
    };

    const kept = 3; /* frames of an array that stay decoded: two to compare, one to come */

    /* An array of all frames -> frame -> Float64Array of `count`. */
    function decoder(array, count) {
        let view = null;
        const recent = new Map();
        const reader = readers[array.type];
        return function (frame) {
            if (recent.has(frame)) return recent.get(frame);
            if (!view) view = new DataView(bytesOf(array.data).buffer);
            const values = new Float64Array(count),
                scale = array.scale ? array.scale[frame] : 1;
            const first = frame * count * reader.size;
            for (let i = 0; i < count; i++) {
                const x = reader.get(view, first + i * reader.size);
                values[i] = x === reader.none ? NaN : scale * x;
            }
            if (recent.size >= kept) recent.delete(recent.keys().next().value);
            recent.set(frame, values);
            return values;
        };
    }

    const sizeOf = (shape) => shape.reduce((x, y) => x * y, 1);
    const cached = (make) => {
        const cache = new Map();
        return (key) => {
            if (!cache.has(key)) cache.set(key, make(key));
            return cache.get(key);
        };
    };

    /* {shape, value(frame), grad(frame), update(frame)} of a parameter, as stored: (outputs, inputs). Null: not
     * there. */
    Lens.param = cached((name) => {
        const p = Object.prototype.hasOwnProperty.call(Lens.data.parameters, name) && Lens.data.parameters[name];
        if (!p) return null;
        const made = { shape: p.shape };
        for (const kind of ['value', 'grad', 'update']) made[kind] = p[kind] ? decoder(p[kind], sizeOf(p.shape)) : null;
        return made;
    });

    /* {loss, shape(key), value(key, frame)} of a probe; null for what is not there. */
    Lens.probe = cached((name) => {
        const p = Object.prototype.hasOwnProperty.call(Lens.data.probes, name) && Lens.data.probes[name];
        if (!p) return null;
        const has = (key) => Object.prototype.hasOwnProperty.call(p.values, key);
        const reader = cached((key) => (has(key) ? decoder(p.values[key].data, sizeOf(p.values[key].shape)) : null));
        return {
            loss: p.loss,
            keys: Object.keys(p.values),
            shape: (key) => (has(key) ? p.values[key].shape : null),
            value: (key, frame) => (has(key) ? reader(key)(frame) : null),
        };
    });

    Lens.largest = function (values) {
        let most = 0;
        for (const x of values) if (Number.isFinite(x) && Math.abs(x) > most) most = Math.abs(x);
        return most;
    };

    /* Some function's largest |value| over all frames; never 0, so that it can be divided by. */
    Lens.limitOf = function (valuesAt) {
        let most = 0;
        for (let frame = 0; frame < Lens.frames; frame++) most = Math.max(most, Lens.largest(valuesAt(frame) || []));
        return most || 1;
    };

    const limits = new Map();
    /* Largest |value| over all frames of a parameter ('value', 'grad', 'update') or of a probe's value ('probe', P). */
    Lens.limit = function (name, kind, probe) {
        const key = JSON.stringify([name, kind, probe]);
        if (!limits.has(key)) {
            const of = kind === 'probe' ? Lens.probe(probe) : Lens.param(name);
            limits.set(
                key,
                of ? Lens.limitOf((f) => (kind === 'probe' ? of.value(name, f) : of[kind] && of[kind](f))) : 1,
            );
        }
        return limits.get(key);
    };

    /* A scalar at a step: the last one noted up to there, or null. */
    Lens.scalar = function (name, step) {
        if (!Object.prototype.hasOwnProperty.call(Lens.data.scalars, name)) return null;
        const s = Lens.data.scalars[name];
        let low = 0,
            high = s.step.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (s.step[middle] <= step) low = middle + 1;
            else high = middle;
        }
        return low ? s.value[low - 1] : null;
    };

    /* The frame whose step is nearest. */
    Lens.frameOf = function (step) {
        let best = 0;
        for (let f = 1; f < Lens.frames; f++)
            if (Math.abs(Lens.steps[f] - step) < Math.abs(Lens.steps[best] - step)) best = f;
        return best;
    };

    /* (outputs, inputs), as stored, to (inputs, outputs), as textbooks write it; or back. */
    Lens.transposed = function (values, rows, columns) {
        const out = new Float64Array(values.length);
        for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c];
        return out;
    };
})();
