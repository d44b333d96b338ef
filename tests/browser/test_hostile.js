/* Names are data: 1,000 tokens that would be markup, scripts or hidden text add no node, no attribute, no request. */
'use strict';
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { launch, open, go, places, settled, shot } = require('./browser.js');
const { faults } = require('./layout.js');

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

/* Of all elements: which there are, and which attributes they have. */
const census = (page) =>
    page.evaluate(() => {
        const count = {};
        for (const e of document.querySelectorAll('*')) {
            count[e.localName] = (count[e.localName] || 0) + 1;
            for (const a of e.attributes)
                count[`${e.localName}[${a.name}]`] = (count[`${e.localName}[${a.name}]`] || 0) + 1;
        }
        return count;
    });

test('the page with 1,000 hostile names has the very elements and attributes of one with plain names', async () => {
    const hostile = await open(browser, 'hostile', 'view-attention'),
        plain = await open(browser, 'plain', 'view-attention');
    const all = await places(hostile.page);
    assert.deepStrictEqual(all, await places(plain.page));
    assert.strictEqual(await hostile.page.evaluate(() => Lens.header.spaces[0].names.length), 1000);
    for (const place of all) {
        for (const { page } of [hostile, plain]) {
            await go(page, place);
            await page.evaluate(() => Lens.set({ frame: 2 }));
            await settled(page);
        }
        assert.deepStrictEqual(await census(hostile.page), await census(plain.page), place);
        assert.strictEqual(await hostile.page.evaluate(() => window.harm), undefined);
    }
    for (const { page, trouble, requests } of [hostile, plain]) {
        assert.deepStrictEqual(trouble, []);
        assert.strictEqual(requests.length, 1);
        await page.close();
    }
});

test('every name, pointed at or chosen, is shown as text, hidden characters as codes', async () => {
    const { page } = await open(browser, 'hostile', 'view-attention');
    const said = [];
    for (let row = 0; row < 24; row++) {
        await page.evaluate((i) => document.querySelector('figure[data-name="attention.pattern"]').point(i, i), row);
        said.push(await page.locator('output[data-name="attention.pattern.point"]').innerText());
    }
    const all = said.join('\n');
    assert.ok(all.includes('<script>window.harm = 1</script>'), 'markup is shown as it is written');
    assert.ok(all.includes('<U+202E>drow<U+202C>'), 'marks that turn text round are shown as codes');
    assert.ok(all.includes('<U+001B>[31mred<U+0007>'), 'controls too');
    assert.ok(all.includes('zero<U+200B>width'), 'and what has no width');
    assert.ok(all.includes('\ufffd'), 'what is no UTF-8 is U+FFFD');
    assert.doesNotMatch(all, /[\u202a-\u202e\u2066-\u2069\u200b\u0007\u001b]/);
    assert.doesNotMatch(
        await page.evaluate(() => document.body.innerText + document.title),
        /[\u202a-\u202e\u2066-\u2069\u200b\u0007\u001b]/,
    );
    await page.close();
});

for (const width of [390, 1280])
    test(`hostile names do not break the layout at ${width} pixels`, async () => {
        const { page } = await open(browser, 'hostile', '', { width });
        for (const place of await places(page)) {
            await go(page, place);
            await settled(page);
            assert.deepStrictEqual(await page.evaluate(faults), [], place);
            await shot(page, `hostile-${width}-${place}`);
        }
        await page.close();
    });

test('what the model answered at a frame stands beside the query where it was not right, as text', async () => {
    const { page } = await open(browser, 'hostile', 'view-attention');
    const queries = () =>
        page.evaluate(() => {
            const { attention, probe, frame } = Lens.parts.chosen();
            return [Lens.parts.tokens(probe, attention.path).queries, Lens.parts.answers(probe, attention.path, frame).queries];
        });
    const [names, answers] = await queries();
    assert.strictEqual(answers.length, 24);
    for (let i = 0; i < 23; i += 2) assert.strictEqual(answers[i], names[i], 'right ones are called as ever');
    for (let i = 1; i < 23; i += 2) assert.strictEqual(answers[i], names[i + 1] + '≠' + names[i]);
    await page.evaluate(() => document.querySelector('figure[data-name="attention.pattern"]').point(9, 9));
    const said = await page.locator('output[data-name="attention.pattern.point"]').innerText();
    assert.ok(said.includes('<U+202E>drow<U+202C>≠&lt;b&gt;'), said);
    assert.match(await page.locator('.panel').first().innerText(), /3≠5: here the model answered 3/);
    await page.close();
});

test('the policy forbids what is not the page’s own: a planted script and a planted style do nothing', async () => {
    const { page } = await open(browser, 'glass', 'view-learning');
    const done = await page.evaluate(async () => {
        const script = document.createElement('script');
        script.textContent = 'window.planted = 1';
        document.body.append(script);
        const style = document.createElement('style');
        style.textContent = 'body { color: rgb(1, 2, 3) }';
        document.body.append(style);
        const button = document.createElement('button');
        button.setAttribute('onclick', 'window.planted = 2');
        document.body.append(button);
        button.click();
        let fetched = true;
        try {
            await fetch('https://example.org/');
        } catch (e) {
            fetched = false;
        }
        return { planted: window.planted, colour: getComputedStyle(document.body).color, fetched };
    });
    assert.strictEqual(done.planted, undefined);
    assert.notStrictEqual(done.colour, 'rgb(1, 2, 3)');
    assert.strictEqual(done.fetched, false);
    await page.close();
});
