/* The numbers of the page: the payload, its arrays decoded when asked for, and colours' limits over all frames. A page may
 * hold several runs. All that is asked for here is of the one that is looked at, unless Lens.within names another. */
(function () {
    'use strict';

    function bytesOf(base64) {
        const text = atob(base64),
            bytes = new Uint8Array(text.length);
        for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
        return bytes;
    }

    /* As what numbers are stored and read; the smallest integer stands for what is not finite, or not in that frame. */
    const types = {
        f32: { stored: Uint32Array, read: Float32Array },
        i16: { stored: Uint16Array, read: Int16Array, none: -32768 },
        i8: { stored: Uint8Array, read: Int8Array, none: -128 },
    };

    /* All numbers of n frames. They were stored byte by byte, the lowest bytes of a frame's numbers first, and some as
     * differences to the frame before. */
    function unpacked(array, count, n) {
        const { stored, read } = types[array.type],
            size = stored.BYTES_PER_ELEMENT,
            bytes = Lens.inflate(bytesOf(array.data), n * count * size),
            numbers = new stored(n * count);
        for (let frame = 0; frame < n; frame++)
            for (let i = 0, first = frame * count, from = first * size; i < count; i++) {
                const x = array.differences && frame > 0 ? numbers[first - count + i] : 0;
                let stepped = 0;
                for (let plane = 0; plane < size; plane++) stepped |= bytes[from + plane * count + i] << (8 * plane);
                numbers[first + i] = x + stepped; /* modulo 2^bits, as they were taken */
            }
        return new read(numbers.buffer);
    }

    /* Where a page has no room for more, gradients and updates of parameters are there for every so many frames, and the last. */
    const keptFrames = (data) => {
        const last = data.steps.length - 1,
            every = data.shown.every;
        return data.steps.map((_step, f) => f).filter((f) => f % every === 0 || f === last);
    };

    const kept = 3; /* frames of an array that stay decoded: two to compare, one to come */

    /* An array -> frame -> Float64Array of `count`; null where the page has no room for that frame. */
    function decoder(data, array, count) {
        let numbers = null;
        const recent = new Map(),
            there = array.thin ? keptFrames(data) : null,
            none = types[array.type].none;
        return function (frame) {
            if (recent.has(frame)) return recent.get(frame);
            const at = there ? there.indexOf(frame) : frame;
            if (at < 0) return null;
            if (!numbers) numbers = unpacked(array, count, there ? there.length : data.steps.length);
            const values = new Float64Array(count),
                scale = array.scale ? array.scale[at] : 1;
            for (let i = 0, first = at * count; i < count; i++) {
                const x = numbers[first + i];
                values[i] = x === none ? NaN : scale * x;
            }
            if (recent.size >= kept) recent.delete(recent.keys().next().value);
            recent.set(frame, values);
            return values;
        };
    }

    /* Those of which the page has gradients and updates of parameters, and the one of them that is nearest. */
    Lens.keptFrames = () => keptFrames(Lens.data);
    Lens.nearestKept = (frame) =>
        Lens.keptFrames().reduce((best, f) => (Math.abs(f - frame) < Math.abs(best - frame) ? f : best));

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
    const parameters = (data) =>
        cached((name) => {
            const p = Object.prototype.hasOwnProperty.call(data.parameters, name) && data.parameters[name];
            if (!p) return null;
            const made = { shape: p.shape };
            for (const kind of ['value', 'grad', 'update'])
                made[kind] = p[kind] ? decoder(data, p[kind], sizeOf(p.shape)) : null;
            return made;
        });

    /* {loss, said(frame), shape(key), value(key, frame)} of a probe; null for what is not there. */
    const probes = (data) =>
        cached((name) => {
            const p = Object.prototype.hasOwnProperty.call(data.probes, name) && data.probes[name];
            if (!p) return null;
            const has = (key) => Object.prototype.hasOwnProperty.call(p.values, key);
            const reader = cached((key) =>
                has(key) ? decoder(data, p.values[key].data, sizeOf(p.values[key].shape)) : null,
            );
            return {
                loss: p.loss,
                said: (frame) => (p.said && p.said[frame].length ? p.said[frame] : null),
                keys: Object.keys(p.values),
                shape: (key) => (has(key) ? p.values[key].shape : null),
                value: (key, frame) => (has(key) ? reader(key)(frame) : null),
            };
        });

    /* ---- runs ---- */

    const runOf = (data) => ({
        data,
        header: data.header,
        steps: data.steps,
        frames: data.steps.length,
        param: parameters(data),
        probe: probes(data),
        memory: cached(() => new Map()),
    });

    /* What JSON cannot say (not a number, infinity) comes as null. */
    Lens.open = function () {
        const data = JSON.parse(document.getElementById('heed-data').textContent);
        Lens.runs = [data, ...data.runs].map(runOf);
        Lens.look(0);
    };

    /* From here on the page is of this run: Lens.data, header, steps, frames, param(name), probe(name), and memory(name), a
     * Map for what is worked out of them once. */
    Lens.look = (run) => Object.assign(Lens, Lens.runs[run], { run });

    /* What act() gives while the page is of that run. */
    Lens.within = function (run, act) {
        const before = Lens.run;
        Lens.look(run);
        try {
            return act();
        } finally {
            Lens.look(before);
        }
    };

    /* How runs are told apart: by their titles, and by their folders where these are the same. */
    Lens.runName = function (run) {
        const same = Lens.runs.filter((r) => r.data.title === Lens.runs[run].data.title).length > 1;
        const { title, name } = Lens.runs[run].data;
        return Lens.safe(same && name ? name : title);
    };

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

    /* What limits are of: a parameter's 'value', its 'change' since the first frame, 'grad', 'update'. */
    const kinds = {
        change: (p) => p.value && ((frame) => p.value(frame).map((x, i) => x - p.value(0)[i])),
    };

    function limitHere(name, kind, probe) {
        const limits = Lens.memory('limits'),
            key = JSON.stringify([name, kind, probe]);
        if (!limits.has(key)) {
            const of = kind === 'probe' ? Lens.probe(probe) : Lens.param(name);
            const read = of && (kind === 'probe' ? (f) => of.value(name, f) : kinds[kind] ? kinds[kind](of) : of[kind]);
            limits.set(key, read ? Lens.limitOf(read) : 0);
        }
        return limits.get(key);
    }

    /* Largest |value| over all frames of all runs, of a parameter ('value', 'change', 'grad', 'update') or of a probe's
     * value ('probe', P): one colour is one number wherever it is seen. */
    Lens.limit = (name, kind, probe) =>
        Math.max(...Lens.runs.map((_run, i) => Lens.within(i, () => limitHere(name, kind, probe)))) || 1;

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
