/* The frame of the page: title, time, language, colours, the list of stops and views, and the one that is shown. */
(function () {
    'use strict';

    const s = Lens.state;
    let shown = null; /* {update} of the stop or view on the page */
    let parts = {}; /* elements that follow the state */

    const places = () =>
        Lens.frames ? [...Lens.stops, ...Lens.views].filter((p) => !p.needs || p.needs(Lens.data)) : [];
    const stops = () => places().filter((p) => Lens.stops.includes(p));
    const named = (id) => places().find((p) => p.id === id);

    /* ---- time ---- */

    const clamp = (frame) => Math.max(0, Math.min(Lens.frames - 1, frame));
    let timer = null;

    function play(on) {
        if (on && s.frame >= Lens.frames - 1) Lens.set({ frame: 0 });
        Lens.set({ playing: on });
    }

    /* All of a run in about a quarter of a minute. */
    function tick() {
        if (s.frame < Lens.frames - 1) Lens.set({ frame: s.frame + 1 });
        if (s.frame >= Lens.frames - 1) Lens.set({ playing: false });
    }

    function runTimer() {
        clearInterval(timer);
        if (s.playing) timer = setInterval(tick, Math.max(50, 15000 / Lens.frames));
    }

    function showTime() {
        const step = Lens.steps[s.frame],
            loss = Lens.scalar('loss', step);
        parts.slider.value = s.frame;
        parts.slider.setAttribute('aria-valuetext', Lens.t('time.value', { step, loss: Lens.format(loss) }));
        parts.step.set(step);
        parts.loss.set(loss);
        parts.play.setAttribute('aria-label', Lens.t(s.playing ? 'pause' : 'play'));
        parts.play.textContent = s.playing ? '❚❚' : '▶';
        parts.now.setAttribute('aria-live', s.playing ? 'off' : 'polite');
    }

    function timeBar() {
        const button = (key, sign, act) =>
            Lens.el('button', {
                type: 'button',
                class: 'round',
                'aria-label': Lens.t(key),
                text: sign,
                on: { click: act },
            });
        const go = (frame) => Lens.set({ frame: clamp(frame), playing: false });
        parts.play = button('play', '▶', () => play(!s.playing));
        parts.play.classList.add('play');
        parts.slider = Lens.el('input', {
            type: 'range',
            min: 0,
            max: Lens.frames - 1,
            step: 1,
            'aria-label': Lens.t('time'),
            class: 'time',
            on: { input: (e) => go(Number(e.target.value)) },
        });
        parts.step = Lens.number('step', 0, { class: 'strong' });
        parts.loss = Lens.number('loss', 0, { class: 'strong' });
        parts.now = Lens.el('p', { class: 'now' }, [
            Lens.el('span', {}, [Lens.t('step') + ' ', parts.step]),
            ' ',
            Lens.el('span', {}, [Lens.t('loss') + ' ', parts.loss]),
        ]);
        return Lens.el('section', { class: 'time-bar main-time', 'aria-label': Lens.t('time') }, [
            parts.play,
            button('back', '‹', () => go(s.frame - 1)),
            parts.slider,
            button('on', '›', () => go(s.frame + 1)),
            parts.now,
        ]);
    }

    /* ---- the head of the page ---- */

    function choice(key, list, chosen, act) {
        return Lens.el(
            'div',
            { class: 'choice', role: 'group', 'aria-label': Lens.t(key) },
            list.map(([value, text, attributes]) =>
                Lens.el(
                    'button',
                    {
                        type: 'button',
                        'aria-pressed': String(value === chosen),
                        data: { choice: value },
                        ...attributes,
                        on: { click: () => act(value) },
                    },
                    text,
                ),
            ),
        );
    }
    Lens.choice = choice;

    function keep(key, value) {
        Lens.set({ [key]: value });
        try {
            localStorage.setItem('heed-lens-' + key, value);
        } catch (e) {
            /* a page from disk may have no storage */
        }
    }

    function link(place, number) {
        const here = place.id === s.place;
        return Lens.el(
            'li',
            {},
            Lens.el('a', { href: '#' + place.id, 'aria-current': here ? 'page' : null, title: Lens.t(place.title) }, [
                number ? Lens.el('span', { class: 'stop-number', text: number }) : null,
                Lens.el('span', { class: number ? 'stop-title' : '', text: Lens.t(place.short || place.title) }),
            ]),
        );
    }

    function navigation() {
        const views = places().filter((p) => Lens.views.includes(p));
        const group = (key, list, numbered) =>
            list.length
                ? Lens.el('div', { class: 'nav-group' }, [
                      Lens.el('span', { class: 'nav-name', text: Lens.t(key) }),
                      Lens.el(
                          'ul',
                          { class: numbered ? 'stops' : 'views' },
                          list.map((p, i) => link(p, numbered && i + 1)),
                      ),
                  ])
                : null;
        return Lens.el('nav', { 'aria-label': Lens.t('guided') + ', ' + Lens.t('free') }, [
            group('guided', stops(), true),
            group('free', views, false),
        ]);
    }

    function head() {
        const languages = Object.entries(Lens.languages).map(([code, text]) => [code, text, { lang: code }]);
        const themes = ['auto', 'light', 'dark'].map((t) => [t, Lens.t('theme.' + t)]);
        const runs = Lens.runs.map((_run, i) => [i, Lens.runName(i)]);
        parts.nav = Lens.el('div', {}, navigation());
        return Lens.el('header', {}, [
            Lens.el('a', {
                class: 'skip',
                href: '#main',
                text: Lens.t('skip'),
                on: { click: (e) => (e.preventDefault(), parts.main.focus()) },
            }),
            Lens.el('div', { class: 'head-row' }, [
                Lens.el('h1', { text: Lens.runs[0].data.title }),
                Lens.el('div', { class: 'switches' }, [
                    choice('language', languages, s.language, (v) => keep('language', v)),
                    choice('theme', themes, s.theme, (v) => keep('theme', v)),
                ]),
            ]),
            parts.nav,
            runs.length > 1
                ? Lens.el('div', { class: 'picks runs' }, [
                      Lens.el('span', { class: 'nav-name', text: Lens.t('run') }),
                      choice('run', runs, s.run, lookAt),
                  ])
                : null,
        ]);
    }

    /* To another run, at the step that is nearest, and where we are, if that run has it. */
    function lookAt(run) {
        const step = Lens.steps[s.frame];
        Lens.look(run);
        if (!named(s.place)) location.hash = places()[0].id;
        Lens.set({ run, frame: Lens.frameOf(step), playing: false });
    }

    /* How exact the page's numbers are, how many of the recorded steps it has, and whether the recording is whole. */
    function foot() {
        const d = Lens.data,
            all = d.all_frames,
            bits = Object.entries((d.shown && d.shown.bits) || {});
        const kinds = bits.map(([kind, n]) => Lens.t('kind.' + kind, { n })).join(', ');
        const said = [
            Lens.t(bits.every(([, n]) => n === 32) ? 'precise.all' : 'precise.bits', { kinds }),
            Lens.t(all > Lens.frames ? 'frames' : 'frames.all', { shown: Lens.frames, all }),
            d.shown.every > 1 ? Lens.t('every', { n: Lens.keptFrames().length }) : '',
            d.cut ? Lens.t('cut', { cut: d.cut }) : '',
            d.ended === false && !d.cut ? Lens.t('running') : '',
            Lens.t('keys'),
        ];
        return Lens.el('footer', { text: said.filter(Boolean).join(' ') });
    }

    /* ---- the stop or view ---- */

    function opening(place) {
        const number = stops().indexOf(place) + 1,
            values = place.values && place.values();
        return Lens.el('div', { class: 'opening' }, [
            Lens.el('h2', { tabindex: -1 }, [
                number ? Lens.el('span', { class: 'stop-number', text: number }) : null,
                Lens.rich(place.title),
            ]),
            place.say ? Lens.el('p', { class: 'say' }, Lens.rich(place.say, values)) : null,
            place.about ? Lens.el('p', { class: 'about' }, Lens.rich(place.about, values)) : null,
            place.act ? Lens.el('p', { class: 'act' }, Lens.rich(place.act, values)) : null,
        ]);
    }

    function turning(place) {
        const list = stops(),
            at = list.indexOf(place);
        if (at < 0) return null;
        const to = list[at + 1] || places().find((p) => Lens.views.includes(p));
        return Lens.el('p', { class: 'turning' }, [
            at > 0
                ? Lens.el('a', { href: '#' + list[at - 1].id, class: 'quiet-link', text: '← ' + Lens.t('previous') })
                : Lens.el('span'),
            to
                ? Lens.el('a', {
                      href: '#' + to.id,
                      class: 'next-link',
                      text: Lens.t('next', { title: Lens.t(to.short || to.title) }) + ' →',
                  })
                : null,
        ]);
    }

    function showPlace() {
        const place = named(s.place),
            body = Lens.el('div', { class: 'place', id: place ? 'place-' + place.id : null });
        Lens.fill(parts.nav, navigation());
        if (!place) return void Lens.fill(parts.main, Lens.el('p', { text: Lens.t('nothing') }));
        Lens.fill(parts.main, [
            opening(place),
            body,
            place.note ? Lens.el('p', { class: 'note' }, Lens.rich(place.note, place.values && place.values())) : null,
            turning(place),
        ]);
        shown = place.make(body) || {};
        if (shown.update) shown.update({});
    }

    function build() {
        document.documentElement.lang = s.language;
        document.title = Lens.safe(Lens.runs[0].data.title);
        parts = { main: Lens.el('main', { id: 'main', tabindex: -1 }) };
        const top = [head(), timeBar()];
        for (const old of document.querySelectorAll('body > header, body > section, body > main, body > footer'))
            old.remove();
        document.body.prepend(...top, parts.main, foot());
        showTime();
        showPlace();
    }

    /* ---- where we are ---- */

    /* #stop-4 or #view-attention, and where wanted a step: #stop-4@301. */
    function route(first) {
        const [, id, step] = /^#?([\w-]*)(?:@(\d+))?$/.exec(location.hash) || [];
        const place = named(id) || (first || !id ? places()[0] : null);
        if (!place) return;
        const changes = { place: place.id, playing: false };
        if (step) changes.frame = Lens.frameOf(Number(step));
        else if (place.start && place.id !== s.place) changes.frame = clamp(place.start());
        else if (first && !Lens.data.header.story) changes.frame = Lens.frames - 1; /* what was learned, then how */
        Lens.set(changes);
        if (first) return;
        window.scrollTo(0, 0);
        const title = parts.main.querySelector('h2');
        if (title) title.focus({ preventScroll: true });
    }

    function theme() {
        const dark = s.theme === 'dark' || (s.theme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
        document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    }

    function follow(changed) {
        if (changed.theme) theme();
        if (changed.language || changed.theme || changed.run) return build();
        if (changed.playing) runTimer();
        if (changed.frame || changed.playing) showTime();
        if (changed.place) showPlace();
        else if (shown && shown.update) shown.update(changed);
    }

    function press(event) {
        if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
        const on = event.target,
            tag = on.tagName;
        const types = (tag === 'INPUT' && on.type !== 'checkbox') || tag === 'SELECT' || tag === 'TEXTAREA';
        if (event.key === ' ' && !(tag === 'BUTTON' || tag === 'SUMMARY' || (types && on.type !== 'range')))
            play(!s.playing);
        else if (types) return;
        else if (event.key === 'ArrowLeft') Lens.set({ frame: clamp(s.frame - 1), playing: false });
        else if (event.key === 'ArrowRight') Lens.set({ frame: clamp(s.frame + 1), playing: false });
        else if (event.key === 'Home') Lens.set({ frame: 0, playing: false });
        else if (event.key === 'End') Lens.set({ frame: Lens.frames - 1, playing: false });
        else return;
        event.preventDefault();
    }

    function remembered(key, allowed, otherwise) {
        try {
            const value = localStorage.getItem('heed-lens-' + key);
            if (allowed.includes(value)) return value;
        } catch (e) {
            /* as above */
        }
        return otherwise;
    }

    function start() {
        Lens.open();
        const languages = Object.keys(Lens.languages);
        s.language = remembered(
            'language',
            languages,
            languages.includes(Lens.data.language) ? Lens.data.language : 'en',
        );
        s.theme = remembered('theme', ['auto', 'light', 'dark'], 'auto');
        theme();
        route(true);
        build();
        Lens.on(follow);
        window.addEventListener('hashchange', () => route(false));
        document.addEventListener('keydown', press);
        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => (theme(), build()));
    }

    document.addEventListener('DOMContentLoaded', start);
})();
