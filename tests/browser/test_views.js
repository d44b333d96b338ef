/* What one does in the free views: pointing, pinning, choosing heads and queries, folding. */
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { launch, open, go, number, settled, shot } = require('./browser.js');

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const text = (page, selector) => page.locator(selector).first().innerText();

test('pointing at an attention weight says which query looks at which key, and how much', async () => {
    const { page } = await open(browser, 'reverse', 'view-attention');
    await page.keyboard.press('End');
    const canvas = page.locator('[data-name="attention.pattern"] canvas');
    const box = await canvas.boundingBox();
    await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.6);
    const out = page.locator('output[data-name="attention.pattern.point"]');
    const [row, column] = await out.evaluate((e) => [Number(e.dataset.row), Number(e.dataset.column)]);
    const { value, names } = await page.evaluate(
        ([i, j]) => {
            const { attention, probe, head, frame } = Lens.parts.chosen();
            const m = Lens.parts.watched(probe, attention, 'pattern', head, frame);
            const t = Lens.parts.tokens(probe, attention.path);
            return { value: m.data[i * m.columns + j], names: [t.queries[i], t.keys[j]] };
        },
        [row, column],
    );
    assert.strictEqual(Number(await out.getAttribute('data-value')), value);
    const said = await out.innerText();
    assert.ok(said.includes(names[0]) && said.includes(names[1]), said);
    await canvas.focus();
    await page.keyboard.press('ArrowDown');
    assert.strictEqual(Number(await out.getAttribute('data-row')), (row + 1) % 7, 'arrow keys point too');
    assert.strictEqual(
        await page.evaluate(() => Lens.state.frame),
        await page.evaluate(() => Lens.frames - 1),
        'and time stands still',
    );
    await page.close();
});

test('a small head becomes the large one, and heads know how much they look at the true key', async () => {
    const { page } = await open(browser, 'reverse', 'view-attention');
    await page.keyboard.press('End');
    const heads = page.locator('.head');
    assert.strictEqual(await heads.count(), 24);
    await heads.nth(5).click();
    assert.deepStrictEqual(await page.evaluate(() => [Lens.state.layer, Lens.state.head]), ['net.encoder.1.attn', 1]);
    assert.match(await text(page, '.panel-title'), /encoder\.1\.attn, head 1/);
    assert.strictEqual(await heads.nth(5).getAttribute('aria-pressed'), 'true');
    assert.strictEqual(await page.locator('.head[aria-pressed=true]').count(), 1);
    const layer = 'net.decoder.1.cross_attn';
    await page.evaluate((to) => Lens.set({ layer: to, head: 0 }), layer);
    const shown = await number(page, `attention.mass.${layer}.0`);
    const expected = await page.evaluate(() => {
        const { attention, probe, head, frame } = Lens.parts.chosen();
        const m = Lens.parts.watched(probe, attention, 'pattern', head, frame);
        const truth = probe.alignment;
        let sum = 0,
            n = 0;
        truth.forEach((key, query) => key >= 0 && (n++, (sum += m.data[query * m.columns + key])));
        return sum / n;
    });
    assert.ok(Math.abs(shown - expected) < 1e-12, `${shown}, not ${expected}`);
    await page.close();
});

test('ablations: each head of the layer, beside the whole', async () => {
    const { page } = await open(browser, 'reverse', 'view-attention');
    const layer = 'net.decoder.0.cross_attn';
    await page.evaluate((to) => Lens.set({ layer: to }), layer);
    const given = await page.evaluate((to) => Lens.data.ablations.filter((a) => a.path === to), layer);
    assert.strictEqual(given.length, 4);
    assert.strictEqual(await number(page, `ablation.${layer}[0]`), given[0].whole);
    for (const a of given) assert.strictEqual(await number(page, `ablation.${layer}[${a.head + 1}]`), a.without);
    await page.evaluate(() => Lens.set({ layer: 'net.encoder.0.attn' }));
    assert.match(await text(page, 'main'), /not known here/);
    await page.close();
});

test('a pinned matrix stays while step, head and matrix move on', async () => {
    const { page } = await open(browser, 'reverse', 'view-matrices');
    await page.evaluate(() => Lens.set({ layer: 'net.encoder.0.attn', matrix: 'q', head: 0, frame: 2 }));
    const before = await number(page, 'matrices.now.value.norm');
    await page.locator('[data-name="matrices.pin"]').click();
    assert.strictEqual(await number(page, 'matrices.difference.norm'), 0);
    assert.ok(Math.abs((await number(page, 'matrices.cosine')) - 1) < 1e-12);
    await page.keyboard.press('End');
    assert.strictEqual(await number(page, 'matrices.pinned.value.norm'), before);
    assert.notStrictEqual(await number(page, 'matrices.now.value.norm'), before);
    const difference = await number(page, 'matrices.difference.norm');
    assert.ok(difference > 0.01, `${difference}`);
    await page.getByRole('button', { name: '2', exact: true }).click();
    assert.strictEqual(await page.evaluate(() => Lens.state.head), 2);
    assert.strictEqual(await number(page, 'matrices.pinned.value.norm'), before);
    await settled(page);
    await shot(page, 'reverse-pinned');
    await page.locator('[data-name="matrices.pin"]').click();
    assert.ok(!(await page.locator('[data-name="matrices.pinned.value"]').first().isVisible()));
    await page.close();
});

test('matrices that belong to no head are shown whole: maps as textbooks have them, tables of vectors with their names', async () => {
    const { page } = await open(browser, 'bare', 'view-matrices');
    await page.keyboard.press('End');
    await page.evaluate(() => document.querySelector('figure[data-name="matrices.now.value"]').point(2, 1));
    const [shown, stored] = await page.evaluate(() => [
        Number(document.querySelector('[data-name="matrices.now.value.point"]').dataset.value),
        Lens.param('linear.weight').value(Lens.frames - 1)[1 * 3 + 2],
    ]);
    assert.strictEqual(shown, stored);
    const other = await open(browser, 'reverse', 'view-matrices');
    await other.page.locator('select').first().selectOption({ label: 'net.source.weight' });
    await other.page.evaluate(() => document.querySelector('figure[data-name="matrices.now.value"]').point(3, 5));
    const said = await text(other.page, '[data-name="matrices.now.value.point"]');
    assert.ok(said.startsWith('b, 6:'), said);
    assert.match(await text(other.page, '.row-title'), /net\.source\.weight/);
    assert.ok(!(await other.page.locator('.picks [role=group]').first().isVisible()), 'heads have no part in it');
    await settled(other.page);
    await shot(other.page, 'reverse-table');
    await page.close();
    await other.page.close();
});

test('gradients: pushes of a query add up to zero, and the sums are what backward gave', async () => {
    const { page } = await open(browser, 'reverse', 'view-gradients');
    await page.evaluate(() =>
        Lens.set({ layer: 'net.decoder.1.cross_attn', head: 1, frame: Math.floor(Lens.frames / 2) }),
    );
    for (const query of [0, 3, 6]) {
        await page.evaluate((q) => Lens.set({ query: q }), query);
        const longest = await page.evaluate(() =>
            Math.max(
                ...[...document.querySelectorAll('[data-name^="gradients.push."]')].map((e) =>
                    Math.abs(Number(e.dataset.value)),
                ),
            ),
        );
        assert.ok(longest > 0);
        assert.ok(Math.abs(await number(page, 'gradients.sum')) < 1e-4 * longest, 'they add up to zero');
        assert.ok((await number(page, 'gradients.dq.error')) < 1e-6, 'Σ ds k / √d_k is dq');
        assert.ok((await number(page, 'gradients.dw.error')) < 1e-4, 'Σ xᵀ dq is dW^Q');
    }
    await page.locator('select').last().selectOption({ index: 1 });
    assert.strictEqual(await page.evaluate(() => Lens.state.query), 1);
    const arrow = page.locator('.key-column').nth(2);
    await arrow.hover();
    const key = await page.evaluate(() => Lens.parts.tokens(Lens.parts.chosen().probe, Lens.state.layer).keys[2]);
    assert.ok((await text(page, '.pointed')).startsWith(key + ':'));
    await page.close();
});

test('numbers that are missing from a step, or not finite, are shown as missing', async () => {
    for (const place of ['attention', 'gradients', 'circuits']) {
        const { page, trouble } = await open(browser, 'reverse', 'view-' + place);
        await page.evaluate(() => {
            const real = Lens.parts.watched;
            Lens.parts.watched = (...of) => {
                const m = real(...of);
                return (
                    m &&
                    Lens.algebra.matrix(
                        m.rows,
                        m.columns,
                        m.data.map((x, i) => (i % 3 ? x : NaN)),
                    )
                );
            };
            Lens.set({ frame: 3 });
        });
        await settled(page);
        assert.deepStrictEqual(trouble, [], place);
        assert.doesNotMatch(await text(page, 'main'), /NaN|undefined|null/);
        await page.close();
    }
});

test('circuits: QK and OV of the glass box are what its matrices give, and become diagonal', async () => {
    const { page } = await open(browser, 'glass', 'view-circuits');
    const matching = await number(page, 'circuits.matching');
    await page.keyboard.press('End');
    const at = async (name, row, column) => {
        await page.evaluate(
            ([n, i, j]) => document.querySelector(`figure[data-name="${n}"]`).point(i, j),
            [name, row, column],
        );
        return number(page, name + '.at');
    };
    const expected = await page.evaluate(() => {
        const W = (name) => Lens.param(name).value(Lens.frames - 1);
        const [q, k, v, o] = ['attn.w_q', 'attn.w_k', 'attn.w_v', 'w_o.weight'].map(W);
        const sum = (n, f) => Array.from({ length: n }, (_, i) => f(i)).reduce((x, y) => x + y, 0);
        /* stored (outputs, inputs): d_k 64, d_model 32; w_o (16, 64) */
        return {
            qk: sum(64, (i) => q[i * 32 + 3] * k[i * 32 + 5]),
            ov: sum(64, (i) => v[i * 32 + 20] * o[4 * 64 + i]),
        };
    });
    assert.ok(Math.abs((await at('circuits.qk', 3, 5)) - expected.qk) < 1e-9);
    assert.ok(Math.abs((await at('circuits.ov', 20, 4)) - expected.ov) < 1e-9);
    assert.ok((await number(page, 'circuits.copying')) > 0.9, 'values looked at are answered');
    assert.ok((await number(page, 'circuits.matching')) > Math.max(0.4, matching), 'keys find their like');
    await page.close();
});

test('circuits: scores of a pattern that is known, and paths through earlier heads', async () => {
    const { page } = await open(browser, 'reverse', 'view-circuits');
    const scores = await page.evaluate(() => {
        const { probe, attention } = Lens.parts.chosen();
        const real = Lens.parts.watched;
        /* Tokens A B A B, causal; rows add up to 1. */
        const data = [1, 0, 0, 0, 0.25, 0.75, 0, 0, 0.5, 0.25, 0.25, 0, 0.1, 0.2, 0.3, 0.4];
        Lens.parts.watched = () => Lens.algebra.matrix(4, 4, Float64Array.from(data));
        const names = ['A', 'B', 'A', 'B'];
        const one = { name: probe.name, queries: names, keys: names };
        const got = Lens.circuits.patternScores({
            attention: { ...attention, kind: 'causal' },
            probe: one,
            head: 0,
            frame: 0,
        });
        Lens.parts.watched = real;
        return got;
    });
    const near = (x, y) => assert.ok(Math.abs(x - y) < 1e-12, `${x}, not ${y}`);
    near(scores.previous, (0.25 + 0.25 + 0.3) / 3);
    near(scores.same, (0.5 + 0.2) / 2);
    near(scores.prefix, (0.25 + 0.3) / 2);
    await page.evaluate(() => Lens.set({ layer: 'net.encoder.1.attn' }));
    assert.ok((await number(page, 'circuits.composition')) > 0);
    const shares = await page.evaluate(() => {
        const c = { attention: Lens.header.attention.find((a) => a.path === 'net.encoder.1.attn'), head: 1 };
        const A = Lens.algebra,
            earlier = Lens.circuits.earlierHeads(c)[2];
        const of = (a, letter, head) => A.ofHead(a, letter, head, 0);
        const qk = A.multiply(of(c.attention, 'q', 1), A.transpose(of(c.attention, 'k', 1)));
        const ov = A.multiply(of(earlier.attention, 'v', earlier.head), of(earlier.attention, 'o', earlier.head));
        const direct = A.norm(A.multiply(qk, A.transpose(ov)).data) / (A.norm(qk.data) * A.norm(ov.data));
        return [direct, Lens.circuits.composition(c, earlier, 0)];
    });
    near(shares[0], shares[1]);
    await page.close();
});

test('singular values: of matrices that are known, and effective rank', async () => {
    const { page } = await open(browser, 'bare', 'view-learning');
    const got = await page.evaluate(() => {
        const A = Lens.algebra;
        const m = (rows, columns, ...data) => A.matrix(rows, columns, Float64Array.from(data));
        const a = m(3, 2, 3, 0, 0, -4, 0, 0);
        const turned = m(2, 2, 4, 0, 3, -5); /* singular values √40 and √10 */
        const b = m(4, 2, 1, 2, 3, 4, 5, 6, 7, 9);
        const c = m(3, 2, 2, -1, 0, 3, 1, 1);
        return {
            a: A.singularValues(a),
            turned: A.singularValues(turned),
            product: [
                A.singularValuesOfProduct(b, c).slice(0, 2),
                A.singularValues(A.multiply(b, A.transpose(c))).slice(0, 2),
            ],
            nothing: A.singularValues(m(2, 3, 0, 0, 0, 0, 0, 0)),
            ranks: [
                A.effectiveRank([1, 1, 1, 1]),
                A.effectiveRank([1, 0, 0]),
                A.effectiveRank([0, 0]),
                A.effectiveRank([3, 1]),
            ],
        };
    });
    const near = (x, y) => x.forEach((v, i) => assert.ok(Math.abs(v - y[i]) < 1e-10, `${x}, not ${y}`));
    near(got.a, [4, 3]);
    near(got.turned, [Math.sqrt(40), Math.sqrt(10)]);
    near(got.product[0], got.product[1]);
    near(got.nothing, [0, 0]);
    near(got.ranks, [4, 1, 0, Math.exp(0.75 * Math.log(4 / 3) + 0.25 * Math.log(4))]);
    await page.close();
});

test('spectra are worked out for all steps while one looks on', async () => {
    const { page, trouble } = await open(browser, 'glass', 'view-learning');
    await page.waitForFunction(
        () => [...document.querySelectorAll('main p.quiet')].every((p) => p.textContent === ''),
        null,
        { timeout: 60000 },
    );
    await page.keyboard.press('End');
    const rank = await number(page, 'learning.rank.qk');
    const expected = await page.evaluate(() => {
        const a = Lens.header.attention[0],
            f = Lens.frames - 1;
        return Lens.algebra.effectiveRank(
            Lens.algebra.singularValues(
                Lens.algebra.multiply(
                    Lens.algebra.ofHead(a, 'q', 0, f),
                    Lens.algebra.transpose(Lens.algebra.ofHead(a, 'k', 0, f)),
                ),
            ),
        );
    });
    assert.ok(Math.abs(rank - expected) < 1e-3 * expected, `${rank}, not ${expected}`);
    await settled(page);
    await shot(page, 'glass-learning-worked-out');
    assert.deepStrictEqual(trouble, []);
    await page.close();
});

test('the tape folds and unfolds, and a line of it says what it takes and who takes it', async () => {
    const { page } = await open(browser, 'reverse', 'view-graph');
    const rows = page.locator('.graph-row');
    await page.locator('[data-name="graph.unfold"]').click();
    const all = await number(page, 'graph.ops');
    assert.strictEqual(await page.locator('.graph-row:not(.group)').count(), all, 'unfolded, each op has its line');
    await settled(page);
    await shot(page, 'reverse-graph-unfolded');
    await page.locator('[data-name="graph.fold"]').click();
    const few = await rows.count();
    assert.ok(few < all / 3);
    const group = page.locator('.graph-row.group').first();
    await group.click();
    assert.ok((await rows.count()) > few);
    assert.strictEqual(await page.locator('.graph-row.group').first().getAttribute('aria-expanded'), 'true');
    await rows.last().hover();
    assert.match(await text(page, '.pointed'), /cross_entropy: takes from/);
    assert.ok((await page.locator('.graph-line.lit').count()) >= 1);
    await page.close();
});

test('a click on a curve goes to that step', async () => {
    const { page } = await open(browser, 'glass', 'view-learning');
    const box = await page.locator('figure[data-name="learning.loss"] svg').boundingBox();
    await page.mouse.click(box.x + box.width - 20, box.y + box.height / 2);
    assert.ok(await page.evaluate(() => Lens.state.frame > Lens.frames - 4));
    await go(page, 'view-matrices');
    await page.close();
});

test('the formula of a circuit names one embedding by one letter, another by another, and none where names are entries', async () => {
    const formulas = async (page, layer) => {
        if (layer) await page.evaluate((to) => Lens.set({ layer: to, head: 0 }), layer);
        await settled(page);
        return (await page.locator('.circuits').innerText()).match(/(E )?W\^[QV] W\^(Kᵀ|O)( [EU]ᵀ)?(?=,|:)/g).slice(0, 2);
    };
    const { page } = await open(browser, 'reverse', 'view-circuits');
    assert.deepStrictEqual(await formulas(page, 'net.encoder.1.attn'), ['E W^Q W^Kᵀ Eᵀ', 'E W^V W^O Eᵀ']);
    assert.deepStrictEqual(await formulas(page, 'net.decoder.1.cross_attn'), ['E W^Q W^Kᵀ Uᵀ', 'E W^V W^O Uᵀ']);
    await page.close();
    const { page: glass } = await open(browser, 'glass', 'view-circuits');
    assert.deepStrictEqual(await formulas(glass, null), ['W^Q W^Kᵀ', 'W^V W^O']);
    await glass.close();
});
