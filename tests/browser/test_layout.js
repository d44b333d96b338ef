/* The layout holds on a phone, a laptop and a wide screen, in both languages and themes; and everybody can use it. */
'use strict';
const fs = require('node:fs');
const { test, before, after } = require('node:test');
const assert = require('node:assert');
const { launch, open, go, places, settled, shot } = require('./browser.js');
const { faults } = require('./layout.js');

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

for (const width of [390, 1280, 2560])
    for (const name of ['glass', 'reverse', 'bare'])
        test(`${name} at ${width} pixels: nothing overlaps, nothing is cut, nothing lies outside`, async () => {
            const { page, trouble } = await open(browser, name, '', {
                width,
                theme: width === 1280 ? 'dark' : 'light',
            });
            for (const language of ['en', 'ru'])
                for (const place of await places(page)) {
                    await page.evaluate(
                        (to) => Lens.set({ language: to, frame: Math.floor(Lens.frames * 0.7) }),
                        language,
                    );
                    await go(page, place);
                    await settled(page);
                    assert.deepStrictEqual(await page.evaluate(faults), [], `${place}, ${language}`);
                    if (language === 'en' || width === 390) await shot(page, `${name}-${width}-${language}-${place}`);
                }
            assert.deepStrictEqual(trouble, []);
            await page.close();
        });

test('a test of the test: overlapping, cut and outlying text is found', async () => {
    const { page } = await open(browser, 'bare', 'view-learning', { width: 390 });
    const found = async (css, inner) => {
        await page.evaluate(
            ([style, text]) => {
                const e = document.createElement('div');
                e.id = 'planted';
                for (const [key, value] of Object.entries(style)) e.style[key] = value;
                e.textContent = text;
                document.querySelector('main').append(e);
            },
            [css, inner],
        );
        const what = (await page.evaluate(faults)).join('; ');
        await page.evaluate(() => document.querySelector('#planted').remove());
        return what;
    };
    assert.match(
        await found(
            { position: 'absolute', top: '14px', left: '14px', width: '300px' },
            'over the title, all over it',
        ),
        /lies over/,
    );
    assert.match(
        await found({ width: '60px', overflow: 'hidden', whiteSpace: 'nowrap' }, 'much too long for this box'),
        /is cut off/,
    );
    assert.match(await found({ width: '700px' }, 'x'), /wider than the window/);
    assert.strictEqual(await found({}, 'good'), '');
    await page.close();
});

for (const theme of ['light', 'dark'])
    test(`axe finds nothing serious in the ${theme} theme`, async () => {
        for (const name of ['glass', 'reverse', 'bare']) {
            const { page } = await open(browser, name, '', { theme });
            await page.evaluate(axe);
            for (const place of await places(page)) {
                await go(page, place);
                await page.evaluate(() => Lens.set({ frame: Math.floor(Lens.frames / 2) }));
                await settled(page);
                const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
                const bad = found.violations.filter((v) => ['serious', 'critical'].includes(v.impact));
                assert.deepStrictEqual(
                    bad.map(
                        (v) =>
                            `${place}: ${v.id}: ${v.help}: ${v.nodes
                                .slice(0, 3)
                                .map((n) => n.html.slice(0, 160))
                                .join(' | ')}`,
                    ),
                    [],
                );
            }
            await page.close();
        }
    });
