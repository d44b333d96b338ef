/* The guided path: what one does at its stops. (The apply button is held against the engine in test_numbers.js.) */
'use strict';
const path = require('node:path');
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { folder, launch, open, go, number, settled } = require('./browser.js');
const safetensors = require('./safetensors.js');

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const near = (x, y, bound, what) => assert.ok(Math.abs(x - y) <= bound, `${what}: ${x}, not ${y}`);

test('one can walk the path by its own links, from the first stop to the views', async () => {
    const { page } = await open(browser, 'glass', 'stop-1');
    for (let n = 2; n <= 6; n++) {
        await page.locator('.next-link').click();
        await page.waitForSelector(`#place-stop-${n}`);
    }
    await page.locator('.next-link').click();
    await page.waitForSelector('[id^=place-view-]');
    await page.goBack();
    await page.waitForSelector('#place-stop-6');
    await page.close();
});

test('stop 1: at every step and entry, start plus updates is now', async () => {
    const { page } = await open(browser, 'glass', 'stop-1');
    const frames = safetensors.recording(path.join(folder, 'glass')).frames;
    for (const frame of [0, 5, frames.length - 1]) {
        await page.evaluate((f) => Lens.set({ frame: f }), frame);
        const figure = page.locator('main figure.heatmap canvas').last();
        await figure.scrollIntoViewIfNeeded();
        const box = await figure.boundingBox();
        await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.5);
        const [start, sum, now] = [
            await number(page, 'start.at.start'),
            await number(page, 'start.at.sum'),
            await number(page, 'start.at.now'),
        ];
        near(start + sum, now, 1e-12, 'start + updates');
        const all = safetensors.read(frames[frame].file).get('param/attn.w_q').values;
        assert.ok(all.includes(now), `${now} is not a number of W^Q`);
        await page.mouse.move(0, 0);
    }
    await page.close();
});

test('stop 2: the toggle shows the start and the end', async () => {
    const { page } = await open(browser, 'glass', 'stop-2');
    const seen = async () => page.evaluate(() => document.querySelector('main').innerText);
    const toggles = page.locator('main .choice button');
    assert.ok((await toggles.count()) >= 2);
    await toggles.first().click();
    const start = await seen();
    await toggles.nth(1).click();
    await settled(page);
    assert.notStrictEqual(await seen(), start);
    await page.close();
});

test('stop 3: its six steps have the recorded numbers, and pointing at one writes out where it comes from', async () => {
    const { page, trouble } = await open(browser, 'glass', 'stop-3');
    const { header, frames } = safetensors.recording(path.join(folder, 'glass'));
    const frame = Math.floor(frames.length * 0.7),
        file = safetensors.read(frames[frame].file),
        asked = header.story.query;
    await page.evaluate((f) => Lens.set({ frame: f }), frame);
    await settled(page);
    const of = (name, row, column) => {
        const t = file.get('probe/question/attn.' + name);
        return t.values[row * t.shape[1] + column];
    };
    for (let j = 0; j < header.story.keys; j++) {
        near(await number(page, `forward.s[${j}]`), of('attn_scores', asked, j), 1e-5, 'score');
        near(await number(page, `forward.a[${j}]`), of('pattern', asked, j), 1e-6, 'weight');
    }
    const pointed = async (picture, row, column) => {
        await page.evaluate(
            ([n, i, j]) => document.querySelector(`figure[data-name="${n}"]`).point(i, j),
            [picture, row, column],
        );
        return number(page, 'forward.point');
    };
    near(await pointed('forward.mixed', 2, 10), of('pattern', asked, 2) * of('v', 2, 10), 1e-6, 'a v');
    near(await pointed('forward.z', 0, 10), of('z', asked, 10), 1e-6, 'z');
    const canvas = page.locator('figure[data-name="forward.z"] canvas');
    await canvas.hover();
    const z = await page
        .locator('[data-name="forward.point"]')
        .first()
        .evaluate((e) => e.closest('p, output, div').innerText);
    assert.match(z, /[+·×=]/, 'the sum is written out');
    assert.deepStrictEqual(trouble, []);
    await page.close();
});

test('stop 5: turned, the knob changes the loss; its slope at rest is the recorded gradient', async () => {
    const { page } = await open(browser, 'glass', 'stop-5');
    await settled(page);
    const recorded = await number(page, 'knob.recorded'),
        loss = await number(page, 'knob.loss');
    near(await number(page, 'knob.value'), recorded, 0, 'the knob begins at what was recorded');
    const slope = await number(page, 'knob.slope'),
        gradient = await number(page, 'knob.gradient');
    assert.ok(Math.abs(gradient) > 1e-4);
    near(slope, gradient, 1e-5 + 1e-4 * Math.abs(gradient), 'slope');
    const knob = page.locator('input.knob');
    const down = gradient > 0 ? -1 : 1;
    const step = Number(await knob.getAttribute('step'));
    await knob.focus();
    await page.keyboard.press(down > 0 ? 'ArrowRight' : 'ArrowLeft');
    const turned = await number(page, 'knob.value');
    assert.ok(Math.abs(turned - recorded) <= 2 * step && turned !== recorded);
    assert.ok((await number(page, 'knob.loss')) < loss, 'downhill');
    near(
        await number(page, 'knob.loss'),
        loss + gradient * (turned - recorded),
        0.05 * Math.abs(gradient * (turned - recorded)) + 1e-6,
        'along the slope',
    );
    await page.locator('[data-reset=knob]').click();
    near(await number(page, 'knob.loss'), loss, 0, 'and back');
    await page.close();
});

test('stop 6 and 4 move with time', async () => {
    const { page, trouble } = await open(browser, 'glass', 'stop-6');
    for (const stop of ['stop-6', 'stop-4']) {
        await go(page, stop);
        await page.keyboard.press('Home');
        await settled(page);
        const first = await page.evaluate(() =>
            [...document.querySelectorAll('main [data-value]')].map((e) => e.dataset.value).join(),
        );
        await page.keyboard.press('End');
        await settled(page);
        assert.notStrictEqual(
            await page.evaluate(() =>
                [...document.querySelectorAll('main [data-value]')].map((e) => e.dataset.value).join(),
            ),
            first,
        );
    }
    assert.deepStrictEqual(trouble, []);
    await page.close();
});
