/* A Chromium without a screen, with pages opened in it as a reader would open them from disk. */
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { chromium } = require('playwright-core');

const folder = path.resolve(process.env.PAGES || 'build/browser/pages');
const shots = path.resolve(process.env.SHOTS || 'build/browser/shots');
fs.mkdirSync(shots, { recursive: true });

/* Chromium's sandbox does not work for root; these pages are our own. */
const launch = () =>
    chromium.launch({
        executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });

/* Opens NAME.html#HASH -> {page, trouble: what the console said, requests, milliseconds until the place was drawn}. */
async function open(browser, name, hash = '', { width = 1280, height = 900, theme = 'light' } = {}) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme: theme });
    const trouble = [];
    const requests = [];
    page.on('console', (m) => ['error', 'warning'].includes(m.type()) && trouble.push(m.text()));
    page.on('pageerror', (e) => trouble.push(e.stack));
    page.on('dialog', (d) => (trouble.push('a dialog: ' + d.message()), d.dismiss()));
    page.on('request', (r) => !/^(data|blob):/.test(r.url()) && requests.push(r.url()));
    const start = Date.now();
    await page.goto(pathToFileURL(path.join(folder, name + '.html')).href + (hash ? '#' + hash : ''));
    await page.waitForSelector('main .place > *', { state: 'attached' });
    await settled(page);
    return { page, trouble, requests, milliseconds: Date.now() - start };
}

/* After two frames sizes have been measured and canvases drawn. */
const settled = (page) =>
    page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

async function go(page, hash) {
    await page.evaluate((to) => void (location.hash = to), hash);
    await settled(page);
}

const places = (page) =>
    page.evaluate(() => [...document.querySelectorAll('nav a')].map((a) => a.getAttribute('href').slice(1)));

/* The number that is named so, in full precision; the first that is seen. */
const number = (page, name) =>
    page.evaluate((of) => {
        const all = [...document.querySelectorAll('[data-name]')].filter(
            (e) => e.dataset.name === of && e.dataset.value !== undefined,
        );
        const seen = all.find((e) => e.getClientRects().length) || all[0];
        return seen ? Number(seen.dataset.value) : null;
    }, name);

const shot = (page, name, whole = true) =>
    page.screenshot({ path: path.join(shots, name + '.png'), fullPage: whole });

module.exports = { folder, launch, open, settled, go, places, number, shot };
