/* Run inside the page: what is wrong with how the text lies. */
'use strict';

/* -> list of sentences. Text in scrolling boxes may go beyond them; what is cut with an ellipsis must say all in its title. */
function faults() {
    const wrong = [];
    const width = document.documentElement.clientWidth;
    const over = document.documentElement.scrollWidth - width;
    if (over > 0) wrong.push(`the page is ${over} pixels wider than the window`);

    const isHidden = (e) => !e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
    const said = (t) => JSON.stringify(t.trim().slice(0, 40));
    const scrolls = (e) => /auto|scroll/.test(getComputedStyle(e).overflowX);
    const clips = (e) => /hidden|clip/.test(getComputedStyle(e).overflowX);
    const boxes = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; (node = walker.nextNode());) {
        const on = node.parentElement;
        if (!node.data.trim() || isHidden(on) || on.closest('script, noscript, option, .skip')) continue;
        let clip = null,
            scroller = null;
        for (let e = on; e && e !== document.body; e = e.parentElement) {
            if (!scroller && scrolls(e)) scroller = e;
            if (!clip && clips(e)) clip = e;
        }
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const r of range.getClientRects()) {
            if (r.width < 1 || r.height < 1) continue;
            if (clip) {
                const c = clip.getBoundingClientRect();
                if (c.width <= 1.5) continue; /* for screen readers only */
                const cut =
                    r.right > c.right + 1 || r.left < c.left - 1 || r.bottom > c.bottom + 2 || r.top < c.top - 2;
                if (cut && !clip.closest('[title]')) wrong.push(`${said(node.data)} is cut off`);
            }
            if (!scroller && !clip && (r.right > width + 1 || r.left < -1))
                wrong.push(`${said(node.data)} lies outside of the window`);
            if (!scroller && !clip) boxes.push({ r, on, text: node.data });
        }
    }

    /* Lines of text keep apart: the middle part of their heights must not meet. */
    const core = (r) => ({
        left: r.left + 1,
        right: r.right - 1,
        top: r.top + 0.28 * r.height,
        bottom: r.bottom - 0.28 * r.height,
    });
    boxes.forEach((b) => (b.c = core(b.r)));
    boxes.sort((a, b) => a.c.top - b.c.top);
    for (let i = 0; i < boxes.length; i++)
        for (let j = i + 1; j < boxes.length && boxes[j].c.top < boxes[i].c.bottom; j++) {
            const a = boxes[i],
                b = boxes[j];
            if (a.c.left < b.c.right && b.c.left < a.c.right && !a.on.contains(b.on) && !b.on.contains(a.on))
                wrong.push(`${said(a.text)} lies over ${said(b.text)}`);
        }
    return [...new Set(wrong)].slice(0, 12);
}

module.exports = { faults };
