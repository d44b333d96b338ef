/* Numbers that are shown are those of the recording's files; what the page computes is what the engine computes. */
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { folder, launch, open, go, number, settled } = require('./browser.js');
const safetensors = require('./safetensors.js');

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const glass = safetensors.recording(path.join(folder, 'glass'));
const engine = JSON.parse(fs.readFileSync(path.join(folder, 'glass.json'), 'utf8'));
const near = (x, y, bound, what) => assert.ok(Math.abs(x - y) <= bound, `${what}: ${x}, not ${y}`);
const set = (page, changes) => page.evaluate((to) => Lens.set(to), changes);

/* Points at a number of a picture, and reads it. */
async function pointed(page, picture, row, column) {
    await page.evaluate(
        ([name, i, j]) => document.querySelector(`figure[data-name="${name}"]`).point(i, j),
        [picture, row, column],
    );
    return page.evaluate(
        (name) => Number(document.querySelector(`output[data-name="${name}.point"]`).dataset.value),
        picture,
    );
}

test('the page holds the steps and the header of the recording', async () => {
    const { page } = await open(browser, 'glass');
    const [steps, header] = await page.evaluate(() => [Lens.steps, Lens.header]);
    assert.deepStrictEqual(
        steps,
        glass.frames.map((f) => f.step),
    );
    assert.deepStrictEqual(header, glass.header);
    await page.close();
});

test('step and loss in the bar are those of the index', async () => {
    const { page } = await open(browser, 'glass', 'view-learning');
    for (const frame of [0, 7, glass.frames.length - 1]) {
        await set(page, { frame });
        const step = glass.frames[frame].step;
        assert.strictEqual(await number(page, 'step'), step);
        near(await number(page, 'loss'), glass.scalars.get('loss').get(step), 1e-7, `loss of step ${step}`);
    }
    await page.close();
});

test('matrices: numbers all over value, change, gradient and update, read by pointing at them', async () => {
    const { page } = await open(browser, 'glass', 'view-matrices');
    for (const frame of [0, Math.floor(glass.frames.length / 2), glass.frames.length - 1]) {
        const file = safetensors.read(glass.frames[frame].file),
            first = safetensors.read(glass.frames[0].file);
        await set(page, { frame });
        for (const [letter, name] of [
            ['q', 'attn.w_q'],
            ['v', 'attn.w_v'],
            ['o', 'w_o.weight'],
        ]) {
            await set(page, { matrix: letter });
            const {
                shape: [outputs, inputs],
                values,
            } = file.get('param/' + name);
            for (let i = 0; i < outputs * inputs; i += 397) {
                /* The textbook's matrix is the transpose. */
                const row = i % inputs,
                    column = Math.floor(i / inputs);
                const of = async (kind) => pointed(page, 'matrices.now.' + kind, row, column);
                near(await of('value'), values[i], 0, name);
                near(await of('grad'), file.get('grad/' + name).values[i], 0, 'gradient of ' + name);
                near(await of('update'), file.get('update/' + name).values[i], 0, 'update of ' + name);
                near(
                    await of('change'),
                    values[i] - first.get('param/' + name).values[i],
                    1e-12,
                    'change of ' + name,
                );
            }
        }
    }
    await page.close();
});

test('attention and gradients: all weights and pushes of a query', async () => {
    const { page } = await open(browser, 'glass', 'view-gradients');
    const frame = Math.floor(glass.frames.length * 0.6),
        file = safetensors.read(glass.frames[frame].file);
    const { query } = glass.header.story;
    await set(page, { frame, query });
    const a = file.get('probe/question/attn.pattern'),
        ds = file.get('probe/question/d/attn.attn_scores');
    const keys = a.shape[1];
    for (let j = 0; j < keys; j++) {
        near(await number(page, 'gradients.weight.' + j), a.values[query * keys + j], 0, 'weight');
        near(await number(page, 'gradients.push.' + j), -ds.values[query * keys + j], 0, 'push');
    }
    await go(page, 'view-attention');
    for (let j = 0; j < keys; j++)
        near(await pointed(page, 'attention.pattern', query, j), a.values[query * keys + j], 0, 'weight');
    await page.close();
});

test('reverse: queries, keys and gradients of every layer and head, as the page decodes them', async () => {
    const reverse = safetensors.recording(path.join(folder, 'reverse'));
    const { page } = await open(browser, 'reverse', 'view-attention');
    const bits = await page.evaluate(() => [
        ...new Set(Object.values(Lens.data.probes.backwards.values).map((v) => v.data.type)),
    ]);
    const bound = { f32: 0, i16: 1 / 65000, i8: 1 / 250 }[bits[0]];
    const frame = 5,
        file = safetensors.read(reverse.frames[frame].file);
    let compared = 0;
    for (const [name, t] of file) {
        const m = /^probe\/backwards\/(.*)$/.exec(name);
        if (!m || !/\.(q|k|v|pattern|z|x|attn_scores)$/.test(name)) continue;
        const shown = await page.evaluate(
            ([key, f]) => {
                const p = Lens.probe('backwards');
                return { shape: p.shape(key), values: [...p.value(key, f)] };
            },
            [m[1], frame],
        );
        assert.deepStrictEqual(shown.shape, t.shape, name);
        const largest = Math.max(...t.values.map(Math.abs));
        t.values.forEach((x, i) => near(shown.values[i], x, bound * largest + 1e-30, `${name}[${i}]`));
        compared += t.values.length;
    }
    assert.ok(compared > 2000, `${compared} numbers were compared`);
    await page.close();
});

test('a page without room for all gradients: what it has is right, and it says which steps these are', async () => {
    const reverse = safetensors.recording(path.join(folder, 'reverse'));
    const { page, trouble } = await open(browser, 'thin', 'view-matrices');
    const { every, frames, kept } = await page.evaluate(() => ({
        every: Lens.data.shown.every,
        frames: Lens.frames,
        kept: Lens.keptFrames(),
    }));
    assert.ok(every > 1 && frames === reverse.frames.length, `every ${every} of ${frames}`);
    assert.deepStrictEqual([kept[0], kept[1], kept[kept.length - 1]], [0, every, frames - 1]);
    const name = 'net.decoder.0.cross_attn.w_q',
        [, inputs] = safetensors.read(reverse.frames[0].file).get('param/' + name).shape;
    await set(page, { layer: 'net.decoder.0.cross_attn', matrix: 'q', head: 0 });
    for (const frame of [0, 1, every, every + 1, frames - 1]) {
        await set(page, { frame });
        const near_ = kept.reduce((best, f) => (Math.abs(f - frame) < Math.abs(best - frame) ? f : best));
        for (const [kind, at] of [
            ['value', frame],
            ['grad', near_],
            ['update', near_],
        ]) {
            const folderOf = { value: 'param/', grad: 'grad/', update: 'update/' }[kind];
            const { values } = safetensors.read(reverse.frames[at].file).get(folderOf + name);
            const bound = (Math.max(...values.map(Math.abs)) / 127 / 2) * 1.0001;
            for (const i of [0, 5, 37])
                near(
                    await pointed(page, 'matrices.now.' + kind, i % inputs, Math.floor(i / inputs)),
                    values[i],
                    bound,
                    `${kind} at frame ${frame}`,
                );
        }
        const said = await page.locator('main').innerText();
        if (near_ === frame) assert.ok(!said.includes('the nearest for which'), `frame ${frame}`);
        else assert.ok(said.includes(`of step ${reverse.frames[near_].step}, the nearest for which`), said);
    }
    assert.match(await page.locator('footer').innerText(), new RegExp(`are there for ${kept.length} of these`));
    for (const place of ['view-learning', 'view-gradients', 'view-circuits', 'view-attention']) {
        await go(page, place);
        await set(page, { frame: 1 });
        await settled(page);
    }
    assert.deepStrictEqual(trouble, []);
    await page.close();
});

test('inflating gives back what zlib has deflated, whatever its blocks are', async () => {
    const zlib = require('node:zlib');
    const { page } = await open(browser, 'bare');
    let seed = 1;
    const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
    const samples = {
        empty: [],
        one: [7],
        zeros: new Array(70000).fill(0),
        noise: Array.from({ length: 70000 }, () => random(256)),
        few: Array.from({ length: 50000 }, () => random(3)),
        periods: Array.from({ length: 40000 }, (_, i) => (i % 33000 < 300 ? i % 7 : random(20) ** 2 % 256)),
    };
    for (const [name, bytes] of Object.entries(samples))
        for (const options of [{}, { level: 0 }, { level: 9 }, { strategy: zlib.constants.Z_FIXED }]) {
            const packed = zlib.deflateRawSync(Buffer.from(bytes), options).toString('base64');
            const back = await page.evaluate(
                ([text, n]) =>
                    Array.from(
                        Lens.inflate(
                            Uint8Array.from(atob(text), (c) => c.charCodeAt(0)),
                            n,
                        ),
                    ),
                [packed, bytes.length],
            );
            assert.ok(
                back.length === bytes.length && back.every((x, i) => x === bytes[i]),
                `${name}, ${JSON.stringify(options)}`,
            );
        }
    await page.close();
});

test('the loss that the page computes from matrices and tokens is the engine’s', async () => {
    const { page } = await open(browser, 'glass', 'stop-4');
    for (let frame = 0; frame < engine.length; frame += 3) {
        const got = await page.evaluate((f) => {
            const w = Lens.glass.weights(f),
                forward = Lens.glass.forward(w),
                backward = Lens.glass.backward(w, forward);
            return { loss: forward.loss, probe: Lens.probe('question').loss[f], backward: Boolean(backward) };
        }, frame);
        near(got.loss, engine[frame].loss, 1e-5, `loss at step ${engine[frame].step}`);
        near(got.probe, engine[frame].loss, 1e-5, `recorded loss at step ${engine[frame].step}`);
    }
    await page.close();
});

test('the apply button takes exactly the step that the engine takes', async () => {
    const { page } = await open(browser, 'glass', 'stop-4');
    const frame = await page.evaluate(() => Lens.state.frame);
    near(await number(page, 'backward.loss.before'), engine[frame].loss, 1e-5, 'loss before');
    for (const which of ['q', 'all']) {
        await page.locator(`[data-apply="${which}"]`).click();
        near(
            await number(page, 'backward.loss.after.' + which),
            engine[frame][which],
            1e-5,
            `loss after a step of ${which}`,
        );
        assert.strictEqual(await page.locator(`[data-apply="${which}"]`).getAttribute('aria-pressed'), 'true');
        await page.locator(`[data-apply="${which}"]`).click();
        assert.strictEqual(await page.locator(`[data-apply="${which}"]`).getAttribute('aria-pressed'), 'false');
    }
    assert.ok(
        engine[frame].q < engine[frame].loss && engine[frame].all < engine[frame].q,
        'both steps lead downhill here',
    );
    await page.close();
});

test('Σ xᵀ dq, in the page and from the files, is the probe’s dW^Q', async () => {
    const { page } = await open(browser, 'glass', 'view-gradients');
    for (const frame of [0, Math.floor(glass.frames.length * 0.6), glass.frames.length - 1]) {
        const file = safetensors.read(glass.frames[frame].file);
        const x = file.get('probe/question/attn.x'),
            dq = file.get('probe/question/d/attn.q'),
            dw = file.get('probe/question/grad/attn.w_q');
        const [T, d] = x.shape,
            dk = dq.shape[1];
        const largest = Math.max(...dw.values.map(Math.abs));
        for (let o = 0; o < dk; o++)
            for (let i = 0; i < d; i++) {
                let sum = 0;
                for (let t = 0; t < T; t++) sum += x.values[t * d + i] * dq.values[t * dk + o];
                near(sum, dw.values[o * d + i], 1e-5 * largest, `dW^Q[${i}, ${o}]`);
            }
        await set(page, { frame });
        await settled(page);
        assert.ok((await number(page, 'gradients.dw.error')) < 1e-5);
        assert.ok((await number(page, 'gradients.dq.error')) < 1e-6);
    }
    await page.close();
});

test('updates of SGD are minus the learning rate times the gradient, and the start plus all updates is now', async () => {
    for (let f = 0; f + 1 < glass.frames.length; f++) {
        if (glass.frames[f + 1].step !== glass.frames[f].step + 1) continue;
        const [now, next] = [safetensors.read(glass.frames[f].file), safetensors.read(glass.frames[f + 1].file)];
        const w = now.get('param/attn.w_q').values,
            u = now.get('update/attn.w_q').values,
            g = now.get('grad/attn.w_q').values;
        next.get('param/attn.w_q').values.forEach((x, i) => {
            near(w[i] + u[i], x, 1e-7, 'value after the step');
            near(u[i], -g[i], 1e-7, 'update');
        });
    }
});
