"Reading the built site: lines of a length that the eye can follow, code that needs no scrolling, contents that follow, search, the filter of faults"
import re, sys
from functools import partial
import pytest
from conftest import root, run
from .conftest import Folder, Server

desktop, phone = dict(width=1440, height=900), dict(width=390, height=844)
read = ['image_segmentation', 'unet', 'what_pays', 'inside/train/metrics']

@pytest.fixture
def at(browser):
    "`at(address, viewport)`: that page of the site"
    site, opened = root/'docs'/'_build'/'html', []
    if not (site/'llms.txt').is_file(): run(sys.executable, 'docs/build.py')
    with Server(partial(Folder, directory=str(site))) as server:
        def at(address, viewport=desktop):
            opened.append(browser.new_page(viewport=viewport))
            opened[-1].goto(f'{server.url}/{address}')
            return opened[-1]
        yield at
        for page in opened: page.context.close()

CHARACTERS = """() => [...document.querySelectorAll('article section > p')].map(p => [p.textContent.length,
    Math.round(p.getBoundingClientRect().height/parseFloat(getComputedStyle(p).lineHeight))]).filter(([n, lines]) => lines > 2).map(([n, lines]) => n/(lines - .5))"""

# lines of code that take more than a line on the screen, and boxes of code that scroll
WRAPPED = """() => [...document.querySelectorAll('.cell_input pre')].filter(e => {
    const s = getComputedStyle(e), lines = (e.clientHeight - parseFloat(s.paddingTop) - parseFloat(s.paddingBottom))/parseFloat(s.lineHeight)
    return Math.round(lines) > e.textContent.trimEnd().split('\\n').length}).length"""
SCROLLS = "() => [...document.querySelectorAll('.cell_input pre')].filter(e => e.scrollWidth > e.clientWidth + 1).length"

@pytest.mark.parametrize('name', read)
def test_lines_are_as_long_as_the_eye_likes(at, name):
    found = sorted(at(f'{name}.html').evaluate(CHARACTERS))
    assert len(found) > 10 and 60 <= found[len(found)//2] <= 80       # the mean of the paragraph in the middle

@pytest.mark.parametrize('name', read)
def test_code_needs_no_scrolling(at, name):
    page = at(f'{name}.html')
    assert page.evaluate(SCROLLS) == page.evaluate(WRAPPED) == 0
    page.set_viewport_size(phone)
    assert page.evaluate(SCROLLS) == 0 and page.evaluate(WRAPPED) > 0

def test_contents_follow(at):
    page = at('unet.html')
    current = page.locator('.toc-tree .scroll-current').last
    seen = []
    for heading in 'Why skips', 'Recap':
        page.get_by_role('heading', name=heading).evaluate('e => window.scrollTo(0, e.getBoundingClientRect().top + scrollY + 5)')
        page.wait_for_timeout(300)
        seen.append(current.inner_text().split('\n')[0])
    assert seen == ['Why skips', 'Recap']

def test_the_landing_page_fits_one_screen(at):
    page = at('index.html')
    for part in '.buttons a', '.views img', '.readers li':
        box = page.locator(part).last.bounding_box()
        assert box['y'] + box['height'] <= desktop['height'] and box['x'] + box['width'] <= desktop['width'], part

def test_search_finds_whole_words_first(at):
    page = at('search.html?q=rate')
    page.wait_for_selector('#search-results li:nth-child(20)')
    titles = page.locator('#search-results ul.search > li > a').all_inner_texts()
    whole = [bool({'rate', 'rates'} & {*re.split(r'[\W_\d]+', t.lower())}) for t in titles]
    assert all(whole[:5]) and not any('enumerate' in t for t in titles[:whole.index(False) if False in whole else None])

def test_the_filter_of_faults(at):
    page = at('faults.html')
    rows, folds = page.locator('details.faults tbody tr'), page.locator('details.faults')
    everything = rows.count()
    assert page.locator('details.faults[open]').count() == 0
    page.get_by_role('searchbox').fill('resume weights')
    shown = [t for t in page.locator('details.faults tbody tr:not([hidden])').all_inner_texts()]
    assert 0 < len(shown) < everything and all('resume' in t.lower() and 'weights' in t.lower() for t in shown)
    assert page.locator('output').inner_text() == f'{len(shown)} shown' and page.locator('details.faults[open]').count() > 0
    page.get_by_role('searchbox').fill('')
    page.get_by_label('Show').select_option('passes')
    assert page.locator('details.faults tbody tr:not([hidden])').count() == page.locator('tr[data-kind="passes"]').count()
    page.get_by_label('Show').select_option('')
    assert page.locator('details.faults tbody tr:not([hidden])').count() == everything and folds.count() == page.locator('details.faults:not([hidden])').count()

def test_faults_without_a_script(browser):
    site = root/'docs'/'_build'/'html'
    with Server(partial(Folder, directory=str(site))) as server:
        page = browser.new_page(java_script_enabled=False)
        page.goto(f'{server.url}/faults.html')
        assert not page.locator('#fault-filter').is_visible()
        page.locator('details.faults summary').first.click()
        assert page.locator('details.faults tbody tr').first.is_visible()
        page.context.close()
