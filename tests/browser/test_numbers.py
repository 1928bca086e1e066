"The number line of fp16: mouse, keyboard, both themes, a phone"
import pytest, torch
from camvid_seg.touch.numbers import number_line

@pytest.fixture(scope='module')
def html():
    torch.manual_seed(0)
    gradients = dict(logits=2**(torch.randn(20_000)*4 - 26), weights=2**(torch.randn(5_000)*4 - 14))
    gradients['logits'][:100] = 0
    return gradients, number_line(gradients)._repr_html_()

def lost(g, scale): return ((g[g != 0]*scale).half() == 0).float().mean().item()

def cell(page, row, column): return page.locator('tbody tr').nth(row).locator('td').nth(column).inner_text()

def test_the_slider_saves_gradients_by_keyboard_and_mouse(page_of, html):
    gradients, page = html[0], page_of(html[1])
    slider = page.get_by_role('slider', name='Loss scale')
    assert cell(page, 0, 0) == f'{lost(gradients["logits"], 1):.1%}'.replace('%', ' %')
    assert cell(page, 0, 1) == cell(page, 0, 2) == '0 %'          # bf16, fp32
    red = page.locator('.bar.zero').count()
    page.get_by_label('Gradients of the').focus()
    page.keyboard.press('Tab')
    for _ in range(16): page.keyboard.press('ArrowRight')
    assert slider.get_attribute('aria-valuetext') == '2¹⁶ = 65,536'
    assert cell(page, 0, 0) in ('< 0.1 %', f'{lost(gradients["logits"], 2**16):.1%}'.replace('%', ' %'))
    assert page.locator('.bar.zero').count() < red
    assert 'Loss scale 65,536' in page.locator('.say').inner_text() and '100 more are zero' in page.locator('.say').inner_text()
    box = slider.bounding_box()
    page.mouse.click(box['x'] + box['width'] - 2, box['y'] + box['height']/2)
    assert slider.get_attribute('aria-valuetext') == '2²⁴ = 16,777,216'

def test_too_large_a_scale_is_said(page_of, html):
    page = page_of(html[1])
    page.get_by_label('Gradients of the').select_option(label='weights')
    page.get_by_role('slider').focus()
    page.keyboard.press('End')
    n = (html[0]['weights']*2.**24).half().isinf().sum().item()
    assert f'{n:,} are too large, so a training would skip this step' in page.locator('.say').inner_text()
    assert page.locator('.bar.over').count()

@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [360, 1200])
def test_it_fits_and_is_accessible(page_of, axe, html, scheme, width):
    page = page_of(html[1]*2, viewport=dict(width=width, height=900), color_scheme=scheme)     # two on one page
    assert page.locator('camvid-numbers[ready]').count() == 2
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    assert not axe(page)
