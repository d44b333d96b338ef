/* A page of two runs: one looks at the one or the other, and what is pinned of one stays beside the other. */
'use strict';
const path = require('node:path');
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { folder, launch, open, go, number, settled, shot } = require('./browser.js');
const { faults } = require('./layout.js');
const safetensors = require('./safetensors.js');

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const runs = ['reverse', 'reverse2'].map((name) => safetensors.recording(path.join(folder, name)));
const lookAt = async (page, run) => {
    await page.locator(`.runs [data-choice="${run}"]`).click();
    await settled(page);
};
const layer = 'net.decoder.1.cross_attn',
    head = 1,
    width = 8; /* of a head */

/* Numbers of this head's W^Q in a run's last frame, and its attention. */
function last(run) {
    const file = safetensors.read(runs[run].frames[runs[run].frames.length - 1].file);
    const w = file.get(`param/${layer}.w_q`),
        a = file.get(`probe/backwards/${layer}.pattern`);
    const inputs = w.shape[1],
        cells = a.shape[1] * a.shape[2];
    return {
        w: w.values.slice(head * width * inputs, (head + 1) * width * inputs),
        a: a.values.slice(head * cells, (head + 1) * cells),
        rows: a.shape[1],
    };
}
const sum = (values) => values.reduce((x, y) => x + y, 0);
const near = (x, y, bound, what) => assert.ok(Math.abs(x - y) <= bound, `${what}: ${x}, not ${y}`);

test('runs of one title are named by their folders, and each shows its own steps and loss', async () => {
    const { page, trouble } = await open(browser, 'seeds', 'view-learning');
    assert.deepStrictEqual(await page.locator('.runs button').allInnerTexts(), ['reverse', 'reverse2']);
    await page.keyboard.press('End');
    for (const run of [1, 0]) {
        await lookAt(page, run);
        const step = runs[run].frames[runs[run].frames.length - 1].step;
        assert.strictEqual(await number(page, 'step'), step);
        near(await number(page, 'loss'), runs[run].scalars.get('loss').get(step), 1e-7, 'loss of run ' + run);
        assert.strictEqual(await page.locator(`.runs [data-choice="${run}"]`).getAttribute('aria-pressed'), 'true');
    }
    assert.deepStrictEqual(trouble, []);
    await page.close();
});

test('a matrix of one run is pinned beside the same one of the other, and compared with it', async () => {
    const { page, trouble } = await open(browser, 'seeds', 'view-matrices');
    await page.evaluate((to) => Lens.set({ ...to, matrix: 'q', frame: Lens.frames - 1 }), { layer, head });
    await page.locator('[data-name="matrices.pin"]').click();
    await lookAt(page, 1);
    const [a, b] = [last(0).w, last(1).w];
    const length = (x) => Math.sqrt(sum(x.map((y) => y * y)));
    near(await number(page, 'matrices.pinned.value.norm'), length(a), 1e-6, 'pinned');
    near(await number(page, 'matrices.now.value.norm'), length(b), 1e-6, 'now');
    near(await number(page, 'matrices.difference.norm'), length(a.map((x, i) => x - b[i])), 1e-6, 'difference');
    near(await number(page, 'matrices.cosine'), sum(a.map((x, i) => x * b[i])) / length(a) / length(b), 1e-6, 'cosine');
    const titles = await page.locator('.row-title').allInnerTexts();
    assert.match(titles[0], /^Now: .*head 1, step 300, in the run reverse2$/);
    assert.match(titles[1], /^Pinned: .*head 1, step 300, in the run reverse$/);
    await shot(page, 'seeds-view-matrices');
    await page.locator('[data-name="matrices.pin"]').click();
    assert.ok(!(await page.locator('[data-name="matrices.pinned.value"]').first().isVisible()));
    assert.deepStrictEqual(trouble, []);
    await page.close();
});

test('so is a map of attention; and one of an earlier step, which says how much weight has moved', async () => {
    const { page, trouble } = await open(browser, 'seeds', 'view-attention');
    await page.evaluate((to) => Lens.set({ ...to, frame: Lens.frames - 1 }), { layer, head });
    await page.locator('[data-name="attention.pin"]').click();
    near(await number(page, 'attention.moved'), 0, 0, 'nothing has moved yet');
    await lookAt(page, 1);
    const [a, b] = [last(0), last(1)];
    const moved = sum(a.a.map((x, i) => Math.abs(x - b.a[i]))) / 2 / a.rows;
    assert.ok(moved > 0.01, `the seeds give the same map: ${moved}`);
    near(await number(page, 'attention.moved'), moved, 1e-6, 'share that has moved');
    for (const [picture, run] of [
        ['attention.pattern', b],
        ['attention.pinned', a],
    ])
        for (const cell of [0, 9, 20]) {
            const shown = await page.evaluate(
                ([name, i]) => {
                    const figure = document.querySelector(`figure[data-name="${name}"]`);
                    figure.point(Math.floor(i / 6), i % 6);
                    return Number(document.querySelector(`output[data-name="${name}.point"]`).dataset.value);
                },
                [picture, cell],
            );
            near(shown, run.a[cell], 0, `${picture}, cell ${cell}`);
        }
    await shot(page, 'seeds-view-attention');
    await lookAt(page, 0);
    await page.keyboard.press('Home');
    assert.ok((await number(page, 'attention.moved')) > 0.01, 'since the start');
    assert.deepStrictEqual(trouble, []);
    await page.close();
});

/* W^Q W^Kᵀ of one head between the vectors of tokens: E W^Q (E W^K)ᵀ, E and the matrices as files have them. */
function scores(run, path, h) {
    const file = safetensors.read(runs[run].frames[runs[run].frames.length - 1].file);
    const about = runs[run].header.attention.find((a) => a.path === path);
    const side = (space, letter) => {
        const e = file.get('param/' + runs[run].header.spaces.find((s) => s.name === about[space]).embedding),
            w = file.get(`param/${path}.w_${letter}`);
        const d = e.shape[1];
        return Array.from({ length: e.shape[0] }, (_, i) =>
            Array.from({ length: width }, (_c, c) =>
                sum(Array.from({ length: d }, (_k, k) => e.values[i * d + k] * w.values[(h * width + c) * d + k])),
            ),
        );
    };
    const [q, k] = [side('query_space', 'q'), side('key_space', 'k')];
    return q.flatMap((a) => k.map((b) => sum(a.map((x, i) => x * b[i]))));
}

test('QK of one run stands beside that of the other, and the page says how alike they are', async () => {
    const { page, trouble } = await open(browser, 'seeds', 'view-circuits');
    await page.evaluate((to) => Lens.set({ ...to, frame: Lens.frames - 1 }), { layer, head });
    await page.locator('[data-name="circuits.pin"]').click();
    near(await number(page, 'circuits.alike'), 1, 1e-12, 'with itself');
    await lookAt(page, 1);
    const [a, b] = [scores(0, layer, head), scores(1, layer, head)];
    const length = (x) => Math.sqrt(sum(x.map((y) => y * y)));
    near(
        await number(page, 'circuits.alike'),
        sum(a.map((x, i) => x * b[i])) / length(a) / length(b),
        1e-5,
        'cosine of the two',
    );
    await shot(page, 'seeds-view-circuits');
    assert.deepStrictEqual(trouble, []);
    await page.close();
});

test('every place of both runs draws, in both languages, on a phone too, with both pinned', async () => {
    const { page, trouble } = await open(browser, 'seeds', 'view-matrices', { width: 390 });
    await page.evaluate((to) => Lens.set(to), { layer, head });
    await page.locator('[data-name="matrices.pin"]').click();
    await go(page, 'view-attention');
    await page.locator('[data-name="attention.pin"]').click();
    await go(page, 'view-circuits');
    await page.locator('[data-name="circuits.pin"]').click();
    for (const language of ['en', 'ru'])
        for (const run of [1, 0])
            for (const view of ['learning', 'matrices', 'attention', 'circuits', 'gradients', 'graph']) {
                await page.evaluate((to) => Lens.set({ language: to }), language);
                await go(page, 'view-' + view);
                await lookAt(page, run);
                assert.deepStrictEqual(await page.evaluate(faults), [], `${view}, run ${run}, ${language}`);
                if (run && view === 'matrices') await shot(page, `seeds-390-${language}-view-matrices`);
            }
    assert.deepStrictEqual(trouble, []);
    await page.close();
});
