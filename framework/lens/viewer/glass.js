/* The glass box once more, in plain loops: what the guided path computes in the page, forward and backward, from the
 * recorded matrices and tokens alone, in double precision.
 *
 *     q = x W^Q,  k_j = x_j W^K,  v_j = x_j W^V      s_j = q · k_j / √d_k      a = softmax(s)
 *     z = Σ a_j v_j                                  logits = z W^O            loss = -log softmax(logits)[answer] */
(function () {
    'use strict';

    function dot(a, b) {
        let sum = 0;
        for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
        return sum;
    }

    function addTimes(onto, c, x) {
        for (let i = 0; i < x.length; i++) onto[i] += c * x[i];
    }

    /* x M for M (x.length, columns), row after row. */
    function times(x, matrix, columns) {
        const out = new Float64Array(columns);
        for (let row = 0; row < x.length; row++)
            if (x[row] !== 0) for (let i = 0; i < columns; i++) out[i] += x[row] * matrix[row * columns + i];
        return out;
    }

    function softmax(x) {
        const most = Math.max(...x),
            p = x.map((y) => Math.exp(y - most)),
            sum = p.reduce((a, b) => a + b, 0);
        return p.map((y) => y / sum);
    }

    /* What the recording says of the box, or null if it is another one. */
    function open() {
        const story = Lens.header.story;
        const attention =
            story && story.kind === 'glass' && Lens.header.attention.find((a) => a.path === story.attention);
        if (!attention) return null;
        const names = { q: attention.w_q, k: attention.w_k, v: attention.w_v, o: story.w_o };
        const space = Lens.header.spaces.find((s) => s.name === attention.query_space);
        if (!space || !Lens.probe(story.probe) || !Object.values(names).every((n) => Lens.param(n))) return null;
        const [dk, d] = Lens.param(names.q).shape;
        return {
            story,
            names,
            tokens: story.tokens,
            answers: story.answers,
            entries: space.names,
            d,
            dk,
            n: story.keys,
            asked: story.query,
            answer: story.answer,
            eta: story.learning_rate,
            root: Math.sqrt(attention.d_k || dk),
            probe: Lens.probe(story.probe),
            path: story.attention,
        };
    }

    /* The box of the run that is looked at, opened once. */
    function box() {
        const memory = Lens.memory('glass');
        if (!memory.has('box')) memory.set('box', open());
        return memory.get('box');
    }

    const columns = (letter) => (letter === 'o' ? box().answers.length : box().dk);
    const rows = (letter) => (letter === 'o' ? box().dk : box().d);

    /* Matrix of a frame as textbooks write it, (inputs, outputs); kind 'value', 'grad', 'update', or 'probe' for
     * dL/dW of the question alone. */
    function matrix(letter, frame, kind) {
        const name = box().names[letter];
        const read = kind === 'probe' ? (f) => box().probe.value('grad/' + name, f) : Lens.param(name)[kind || 'value'];
        const stored = read && read(frame);
        return stored && Lens.transposed(stored, columns(letter), rows(letter));
    }

    const weights = (frame) => ({
        q: matrix('q', frame),
        k: matrix('k', frame),
        v: matrix('v', frame),
        o: matrix('o', frame),
    });

    const token = (t) => box().probe.value(box().path + '.x', 0).subarray(t * box().d, (t + 1) * box().d);

    function forward(w) {
        const pairs = Array.from({ length: box().n }, (_, j) => token(j));
        const q = times(token(box().asked), w.q, box().dk);
        const k = pairs.map((x) => times(x, w.k, box().dk)),
            v = pairs.map((x) => times(x, w.v, box().dk));
        const dots = k.map((kj) => dot(q, kj)),
            s = dots.map((x) => x / box().root),
            a = softmax(s);
        const z = new Float64Array(box().dk);
        v.forEach((vj, j) => addTimes(z, a[j], vj));
        const logits = times(z, w.o, box().answers.length),
            p = softmax(logits);
        return { q, k, v, dots, s, a, z, logits, p, loss: -Math.log(p[box().answer]) };
    }

    /* dlogits = p - 1 at the answer; dz = dlogits W^Oᵀ; da_j = dz · v_j; ds_j = a_j (da_j - Σ a da); dq = Σ ds_j
     * k_j / √d_k. */
    function backward(w, f) {
        const dlogits = f.p.map((p, i) => p - (i === box().answer ? 1 : 0));
        const dz = new Float64Array(box().dk).map((_, i) =>
            dot(dlogits, w.o.subarray(i * box().answers.length, (i + 1) * box().answers.length)),
        );
        const da = f.v.map((vj) => dot(dz, vj)),
            mean = dot(f.a, da),
            ds = da.map((x, j) => f.a[j] * (x - mean));
        const dq = new Float64Array(box().dk);
        f.k.forEach((kj, j) => addTimes(dq, ds[j] / box().root, kj));
        return {
            dlogits,
            dz,
            da,
            mean,
            ds,
            dq,
            dk: ds.map((x) => f.q.map((y) => (y * x) / box().root)),
            dv: f.a.map((x) => dz.map((y) => y * x)),
        };
    }

    /* dL/dW^Q = xᵀ dq, and so on: outer products, added up over the tokens. */
    function gradients(f, b) {
        const outer = (onto, x, y) =>
            x.forEach((c, i) => c && addTimes(onto.subarray(i * y.length, (i + 1) * y.length), c, y));
        const dw = {
            q: new Float64Array(box().d * box().dk),
            k: new Float64Array(box().d * box().dk),
            v: new Float64Array(box().d * box().dk),
            o: new Float64Array(box().dk * box().answers.length),
        };
        outer(dw.q, token(box().asked), b.dq);
        for (let j = 0; j < box().n; j++) {
            outer(dw.k, token(j), b.dk[j]);
            outer(dw.v, token(j), b.dv[j]);
        }
        outer(dw.o, f.z, b.dlogits);
        return dw;
    }

    /* W - eta dW, for the matrices named: 'q' or 'qkvo'. */
    function stepped(w, dw, eta, which) {
        const out = { ...w };
        for (const letter of which) out[letter] = w[letter].map((x, i) => x - eta * dw[letter][i]);
        return out;
    }

    /* The frame at which the question's loss falls fastest, measured from the frame before to the frame after. */
    function fastest() {
        const memory = Lens.memory('glass');
        if (!memory.has('losses')) memory.set('losses', Lens.steps.map((_, f) => forward(weights(f)).loss));
        const losses = memory.get('losses');
        const slope = (f) => (losses[f - 1] - losses[f + 1]) / (Lens.steps[f + 1] - Lens.steps[f - 1]);
        let best = 0;
        for (let f = 1; f < Lens.frames - 1; f++) if (best === 0 || slope(f) > slope(best)) best = f;
        return best;
    }

    /* Rows of x that are not zero: the entries of a token. */
    const entriesOf = (t) => Array.from(token(t).keys()).filter((i) => token(t)[i] !== 0);

    /* The largest entry of W^Q, W^K and W^V at any step: one colour means one number at all stops. */
    const largestEntry = () => Math.max(...['q', 'k', 'v'].map((l) => Lens.limit(box().names[l], 'value')));

    Lens.glass = {
        largestEntry,
        /* Null where the recording has none. */
        open: box,
        matrix,
        weights,
        token,
        entriesOf,
        forward,
        backward,
        gradients,
        stepped,
        fastest,
        rows,
        columns,
        dot,
        norm: (x) => Math.sqrt(dot(x, x)),
        letters: { q: '--query', k: '--key', v: '--value', o: '--quiet' },
    };
})();
