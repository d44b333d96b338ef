/* Small dense algebra for the free views. A matrix is {rows, columns, data}, row after row in a Float64Array.
 * Matrices of attention come out as textbooks write them: W^Q (d_model, d_k), W^O (d_k, d_model), one head at a time; the
 * files hold (outputs, inputs), all heads one below the other. */
(function () {
    'use strict';

    function matrix(rows, columns, data) {
        return { rows, columns, data: data || new Float64Array(rows * columns) };
    }

    function transpose(a) {
        const b = matrix(a.columns, a.rows);
        for (let i = 0; i < a.rows; i++)
            for (let j = 0; j < a.columns; j++) b.data[j * a.rows + i] = a.data[i * a.columns + j];
        return b;
    }

    /* a b */
    function multiply(a, b) {
        const c = matrix(a.rows, b.columns);
        for (let i = 0; i < a.rows; i++)
            for (let k = 0; k < a.columns; k++) {
                const x = a.data[i * a.columns + k];
                if (x !== 0)
                    for (let j = 0; j < b.columns; j++) c.data[i * b.columns + j] += x * b.data[k * b.columns + j];
            }
        return c;
    }

    function chosenRows(a, which) {
        const b = matrix(which.length, a.columns);
        which.forEach((row, i) => b.data.set(a.data.subarray(row * a.columns, (row + 1) * a.columns), i * a.columns));
        return b;
    }

    function columnsFrom(a, first, count) {
        const b = matrix(a.rows, count);
        for (let i = 0; i < a.rows; i++)
            b.data.set(a.data.subarray(i * a.columns + first, i * a.columns + first + count), i * count);
        return b;
    }

    function subtract(a, b) {
        return matrix(
            a.rows,
            a.columns,
            a.data.map((x, i) => x - b.data[i]),
        );
    }

    function norm(values) {
        let sum = 0;
        for (const x of values) sum += x * x;
        return Math.sqrt(sum);
    }

    function dot(a, b) {
        let sum = 0;
        for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
        return sum;
    }

    /* ---- singular values ---- */

    /* Turns row i and row j of each array (rows of `width` numbers) by one angle. */
    function turn(data, width, i, j, cosine, sine) {
        for (let k = 0, p = i * width, q = j * width; k < width; k++, p++, q++) {
            const x = data[p],
                y = data[q];
            data[p] = cosine * x - sine * y;
            data[q] = sine * x + cosine * y;
        }
    }

    /* Makes the rows of a orthogonal by turning two at a time (one-sided Jacobi, Hestenes 1958), in place; `with_`,
     * of as many rows, is turned along. Then the rows' lengths are a's singular values. */
    function orthogonalise(a, with_) {
        const n = a.rows,
            w = a.columns,
            d = a.data;
        const squares = new Float64Array(n);
        for (let sweep = 0, turned = true; turned && sweep < 30; sweep++) {
            turned = false;
            for (let i = 0; i < n; i++) squares[i] = dot(d.subarray(i * w, i * w + w), d.subarray(i * w, i * w + w));
            for (let i = 0; i < n - 1; i++)
                for (let j = i + 1; j < n; j++) {
                    const between = dot(d.subarray(i * w, i * w + w), d.subarray(j * w, j * w + w));
                    if (Math.abs(between) <= 1e-10 * Math.sqrt(Math.abs(squares[i] * squares[j]))) continue;
                    turned = true;
                    const zeta = (squares[j] - squares[i]) / (2 * between);
                    const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
                    const cosine = 1 / Math.sqrt(1 + tangent * tangent),
                        sine = cosine * tangent;
                    turn(d, w, i, j, cosine, sine);
                    if (with_) turn(with_.data, with_.columns, i, j, cosine, sine);
                    squares[i] -= tangent * between;
                    squares[j] += tangent * between;
                }
        }
        return a;
    }

    function rowNorms(a) {
        const norms = [];
        for (let i = 0; i < a.rows; i++) norms.push(norm(a.data.subarray(i * a.columns, (i + 1) * a.columns)));
        return norms;
    }

    /* Largest first, min(rows, columns) of them. */
    function singularValues(a) {
        const flat = a.rows <= a.columns ? matrix(a.rows, a.columns, a.data.slice()) : transpose(a);
        return rowNorms(orthogonalise(flat)).sort((x, y) => y - x);
    }

    /* Of a bᵀ, both with the same few columns, without making the large product: with bᵀ = J S Wᵀ, rows of Wᵀ
     * orthonormal, a bᵀ has the singular values of a J S. */
    function singularValuesOfProduct(a, b) {
        const left = transpose(a),
            right = orthogonalise(transpose(b), left);
        rowNorms(right).forEach((length, i) => {
            for (let k = 0; k < left.columns; k++) left.data[i * left.columns + k] *= length;
        });
        return singularValues(left);
    }

    /* e to the entropy of the singular values as shares of their sum (Roy and Vetterli 2007): n equal ones give n. */
    function effectiveRank(values) {
        const sum = values.reduce((x, y) => x + y, 0);
        if (!(sum > 0)) return 0;
        let entropy = 0;
        for (const x of values) if (x > 0) entropy -= (x / sum) * Math.log(x / sum);
        return Math.exp(entropy);
    }

    /* ---- matrices of attention ---- */

    const recorded = (name) => name && Lens.param(name);

    /* How many heads keys and values have: fewer than queries where they share. */
    function keyHeads(attention) {
        const w = recorded(attention.w_k) || recorded(attention.w_v);
        return w && attention.d_k ? Math.max(1, Math.round(w.shape[0] / attention.d_k)) : attention.heads;
    }

    /* W^Q, W^K, W^V or W^O (`letter` q, k, v, o) of one head; of: 'value', 'grad', 'update'. Null if not recorded. */
    function ofHead(attention, letter, head, frame, of = 'value') {
        const w = recorded(attention['w_' + letter]);
        if (!w || !w[of] || w.shape.length !== 2) return null;
        const values = w[of](frame),
            [outputs, inputs] = w.shape;
        if (!values) return null;
        const whole = matrix(outputs, inputs, values);
        if (letter === 'o') {
            const width = inputs / attention.heads;
            return transpose(columnsFrom(whole, head * width, width));
        }
        const heads = letter === 'q' ? attention.heads : keyHeads(attention);
        const width = outputs / heads,
            shared = Math.floor((head * heads) / attention.heads);
        return transpose(
            matrix(width, inputs, values.subarray(shared * width * inputs, (shared + 1) * width * inputs)),
        );
    }

    /* One row a name of the space: its embedding, or `identity` where tokens are their own entries. */
    function embedding(space, which, frame) {
        const e = space && recorded(space.embedding);
        if (!e) return null;
        return chosenRows(matrix(e.shape[0], e.shape[1], e.value(frame)), which);
    }

    /* Rows `which` of E w, for a textbook's w (d_model, n); a space without embedding is one-hot: rows of w. */
    function fromSpace(space, which, frame, w) {
        if (space.embedding === null) return chosenRows(w, which);
        const e = embedding(space, which, frame);
        return e && e.columns === w.rows ? multiply(e, w) : null;
    }

    Lens.algebra = {
        matrix,
        transpose,
        multiply,
        chosenRows,
        columnsFrom,
        subtract,
        norm,
        dot,
        singularValues,
        singularValuesOfProduct,
        effectiveRank,
        keyHeads,
        ofHead,
        embedding,
        fromSpace,
    };
})();
