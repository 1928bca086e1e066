"The recorded runs: mouse, keyboard, both themes, a phone"
import math
import pytest
from camvid_seg.touch.rates import cycle_steps, rate_explorer

def run(peak, warm):
    "A made-up run: the smallest rate crawls, the middle one learns, the largest diverges"
    rates, moms = map(list, zip(*cycle_steps(peak, warm, 20)))
    losses = [3 - .001*i if peak < .01 else 3*.8**i if peak < 1 else 3 + 2*i for i in range(20)]
    return dict(peak=peak, warm=warm, rates=rates, moms=moms, losses=losses)

@pytest.fixture(scope='module')
def html():
    runs = [run(p, w) for w in (None, .25) for p in (1e-3, .1, 10.)]
    runs[-1]['losses'][4:] = [math.nan]
    return rate_explorer(runs)._repr_html_()

def said(page): return page.locator('.say').inner_text()
def points(page, figure): return page.locator('figure').nth(figure).locator('.curve').last.get_attribute('points')

def test_keys_move_the_rate(page_of, html):
    page = page_of(html)
    page.keyboard.press('Tab')
    assert 'Rate 0.1, constant' in said(page) and 'No other rate ends lower' in said(page)
    curve = points(page, 0)
    page.keyboard.press('ArrowRight')
    assert 'Rate 10, constant' in said(page) and 'It diverged' in said(page)
    assert points(page, 0) != curve and page.locator('.curve.bad').count()
    page.keyboard.press('Home')
    assert page.get_by_role('slider').get_attribute('aria-valuetext') == '0.001'
    assert 'The best rate with this schedule, 0.1,' in said(page) and not page.locator('.curve.bad').count()

def test_the_mouse_chooses_a_schedule(page_of, html):
    page = page_of(html)
    rate, mom = points(page, 2), points(page, 3)
    page.get_by_role('button', name='one cycle, 25 % up').click()
    assert points(page, 2) != rate and points(page, 3) != mom
    assert page.get_by_role('button', name='one cycle').get_attribute('aria-pressed') == 'true'
    box = page.get_by_role('slider').bounding_box()
    page.mouse.click(box['x'] + box['width'] - 2, box['y'] + box['height']/2)
    assert 'Rate 10, one cycle, 25 % of the steps up' in said(page) and 'After step 4 it is no number any more' in said(page)

def test_keys_stay_with_it(page_of, html):
    "A page that takes plain keys for itself, as JupyterLab does, gets none of those pressed in here"
    page = page_of(html)
    page.evaluate("document.addEventListener('keydown', e => e.preventDefault())")
    page.get_by_role('slider').focus()
    page.keyboard.press('ArrowRight')
    assert 'Rate 10, constant' in said(page)

@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [360, 1200])
def test_it_fits_and_is_accessible(page_of, axe, html, scheme, width):
    page = page_of(html*2, viewport=dict(width=width, height=900), color_scheme=scheme)        # two on one page
    assert page.locator('camvid-rates[ready]').count() == 2
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    assert not axe(page)
