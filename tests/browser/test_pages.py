"""Every page of the built site in light, in dark and on a phone: it logs nothing, asks no other host, is no wider than the screen,
and axe-core has nothing serious or critical to say of it (on a phone: of the lessons, the other top pages and one of each folder).
The site is docs/_build/html as it was built last; without one it is built."""
import sys
from collections import defaultdict
from functools import partial
import pytest
from conftest import root, run
from .conftest import Folder, Server, axe_script, skip, watch

desktop, phone = dict(width=1280, height=900), dict(width=375, height=800)

STILL = '*, *::before, *::after {transition: none !important; animation: none !important}'      # or colours are measured on their way
# axe passes over what is folded; the page's script looks at what is shown after the next frame
OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"
SETTLED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

WIDE = """() => {
    const width = document.documentElement.clientWidth, all = [...document.querySelectorAll('body *')]
    if (document.documentElement.scrollWidth <= width) return []
    const wide = all.filter(e => e.getBoundingClientRect().right > width + 1 && getComputedStyle(e).position != 'fixed')
    return [`${document.documentElement.scrollWidth} of ${width} pixels: ` + wide.slice(0, 2).map(e => e.outerHTML.slice(0, 120)).join(' … ')]
}"""

# but for contrast, which is measured apart, and for what is never serious and takes long
RULES = "axe.run(document, {resultTypes: ['violations'], rules: {'color-contrast': {enabled: false}, region: {enabled: false}}}).then(SERIOUS)"

# The contrast of text follows from its colour, size and weight and from the backgrounds below it: one text of each kind is measured in
# the whole site, or a page of code would take ten seconds. `seen` are the kinds of the pages before
CONTRAST = """seen => {
    seen = new Set(seen)
    const fresh = [], nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), grounds = new Map()
    const ground = e => {
        if (!e) return ''
        if (!grounds.has(e)) {
            const s = getComputedStyle(e), own = [s.backgroundColor, s.backgroundImage, s.opacity].join()
            grounds.set(e, ground(e.parentElement) + (own == 'rgba(0, 0, 0, 0),none,1' ? '' : own + '/'))
        }
        return grounds.get(e)
    }
    while (nodes.nextNode()) {
        const e = nodes.currentNode.parentElement, s = getComputedStyle(e)
        if (!nodes.currentNode.data.trim() || !e.checkVisibility({visibilityProperty: true})) continue
        const kind = [s.color, s.fontSize, s.fontWeight, s.textShadow, ground(e)].join()
        if (!seen.has(kind)) { seen.add(kind); fresh.push(e) }
    }
    const done = fresh.length ? axe.run({include: fresh}, {resultTypes: ['violations'], runOnly: ['color-contrast']}).then(SERIOUS) : []
    return Promise.resolve(done).then(found => [[...seen], found])
}"""

SERIOUS = """window.SERIOUS = result => result.violations.filter(v => ['serious', 'critical'].includes(v.impact)).flatMap(v => v.nodes.map(n =>
    [v.id, `${n.target.join(' ')}: ${n.html.slice(0, 160)} ${((n.any[0] || n.all[0] || n.none[0] || {}).message || '').slice(0, 120)}`]))"""

@pytest.fixture(scope='module')
def site():
    "The folder of the built site"
    out = root/'docs'/'_build'/'html'
    if not (out/'index.html').is_file(): run(sys.executable, 'docs/build.py')
    return out

def look(browser, url, site):
    "`{what is wrong: [(mode, page, where)]}` over all pages"
    found, seen, folders = defaultdict(list), dict(light=[], dark=[]), set()
    page = browser.new_page()
    page.add_init_script(axe_script() + ';' + SERIOUS)
    troubles = watch(page)
    for path in sorted(site.rglob('*.html')):
        name = path.relative_to(site).as_posix()
        def note(mode, things):
            for rule, where in things: found[rule].append((mode, name, where))
        def contrast(mode):
            seen[mode], things = page.evaluate(CONTRAST, seen[mode])
            note(mode, things)
        page.set_viewport_size(desktop)
        page.emulate_media(color_scheme='light')
        page.goto(f'{url}/{name}')
        page.add_style_tag(content=STILL)
        page.evaluate(OPEN)
        page.evaluate(SETTLED)
        note('light', page.evaluate(RULES))
        contrast('light')
        note('light', [('overflow', w) for w in page.evaluate(WIDE)])
        page.emulate_media(color_scheme='dark')
        contrast('dark')
        page.set_viewport_size(phone)
        page.evaluate(SETTLED)
        if path.parent == site or path.parent not in folders: note('phone', page.evaluate(RULES))      # the others are of the same make
        folders.add(path.parent)
        note('phone', [('overflow', w) for w in page.evaluate(WIDE)])
        note('any', [('trouble', t) for t in troubles])
        troubles.clear()
    page.context.close()
    return found

@pytest.fixture(scope='module')
def found(playing, site):
    "What is wrong in the whole site; one walk for all the tests"
    if isinstance(playing, str): return playing
    with Server(partial(Folder, directory=str(site))) as server: return look(playing, server.url, site)

def check(found, *rules, but=()):
    "Nothing was found of `rules`, or of any others than those in `but`"
    if isinstance(found, str): skip(found)
    bad = {rule: places for rule, places in found.items() if (rule in rules if rules else rule not in but)}
    lines = [f'{rule}: {len(places)} times on {len({page for _, page, _ in places})} pages, as ' + '\n    '.join(map(', '.join, places[:5])) for rule, places in bad.items()]
    assert not lines, '\n' + '\n'.join(lines)

def test_no_page_logs_an_error_or_asks_another_host(found): check(found, 'trouble')

def test_no_page_is_wider_than_the_screen(found): check(found, 'overflow')

def test_axe_finds_nothing_serious(found): check(found, but=('trouble', 'overflow'))

def test_the_walk_sees_what_is_wrong(browser, tmp_path):
    "One page with a fault of each kind"
    (tmp_path/'bad.html').write_text('<!doctype html><title>Bad</title><link rel="icon" href="data:,"><img src="data:,"><p style="width:2000px">wide'
                                     '<details><p style="color:#ccc;background:#fff">pale</details><script src="http://camvid.invalid/a.js"></script>', encoding='utf-8')
    with Server(partial(Folder, directory=str(tmp_path))) as server: bad = look(browser, server.url, tmp_path)
    assert set(bad) >= {'trouble', 'overflow', 'image-alt', 'html-has-lang', 'color-contrast'}
    assert {mode for mode, *_ in bad['color-contrast']} == {'light', 'dark'} and {mode for mode, *_ in bad['overflow']} == {'light', 'phone'}
