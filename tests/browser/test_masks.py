"The mask explorer, used with the mouse and with the keyboard"
import re
import pytest

@pytest.fixture(scope='module')
def shown():
    import torch
    from fastai.learner import Learner
    from torch import nn
    from camvid_seg.data.loaders import seg_dataloaders
    from camvid_seg.data.scenes import scenes
    from camvid_seg.touch.masks import mask_explorer
    dls = seg_dataloaders(scenes(n=24, size=(48, 64), per_drive=6), (48, 64), bs=6, augment=False, device='cpu')
    torch.manual_seed(0)
    return mask_explorer(Learner(dls, nn.Conv2d(3, dls.c, 1), loss_func=nn.CrossEntropyLoss()), n=2)

ready = 'camvid-masks[ready]'
def picture(page): return page.locator('camvid-masks canvas').evaluate('c => c.toDataURL()')
def line(page): return page.locator('camvid-masks .say').inner_text()

def test_mouse(page_of, shown):
    page = page_of(shown._repr_html_())
    page.wait_for_selector(ready)
    assert re.match(r'drive\w+: \d+ % of the labelled pixels are right', line(page))
    box = page.locator('camvid-masks canvas').bounding_box()
    x, y = (box['x'] + box['width']*(40.5/64), box['y'] + box['height']*(10.5/48))
    page.mouse.move(x, y)
    assert line(page).startswith('Row 10, column 40: truth ')
    before = picture(page)
    page.mouse.down()
    page.mouse.move(box['x'] + box['width']*(16.5/64), y)     # the middle of pixel 16: 25.8 %
    page.mouse.up()
    assert picture(page) != before and page.get_by_label('line').input_value() == '26'
    for name, option in ('right', 'error'), ('left', 'prediction'), ('frame', shown.data['frames'][1]['name']):
        before = picture(page)
        page.get_by_label(name, exact=True).select_option(option)
        page.wait_for_timeout(100)
        assert picture(page) != before
    assert line(page).startswith(shown.data['frames'][1]['name'])

def test_keyboard_reads_what_python_wrote(page_of, shown):
    import base64, io
    import numpy as np
    from PIL import Image
    page, data = page_of(shown._repr_html_()), shown.data
    page.wait_for_selector(ready)
    page.locator('camvid-masks canvas').focus()
    for key in 'ArrowLeft', 'Shift+ArrowUp', 'ArrowDown': page.keyboard.press(key)
    y, x = 48//2 - 10 + 1, 64//2 - 1
    t, p, sure = (np.array(Image.open(io.BytesIO(base64.b64decode(data['frames'][0][k].split(',')[1]))))[y, x] for k in ('truth', 'predicted', 'confidence'))
    verdict = 'not counted' if t == data['void'] else 'right' if t == p else 'wrong'
    assert line(page) == f"Row {y}, column {x}: truth {data['codes'][t]}, prediction {data['codes'][p]}, confidence {sure} %: {verdict}."
    before = picture(page)
    page.get_by_label('opacity').focus()
    page.keyboard.press('Home')
    assert page.get_by_label('opacity').input_value() == '0' and picture(page) != before

@pytest.mark.parametrize('scheme,width', [('light', 1000), ('dark', 1000), ('light', 360), ('dark', 360)])
def test_looks(page_of, axe, shown, scheme, width):
    page = page_of(shown._repr_html_()*2, color_scheme=scheme, viewport=dict(width=width, height=740))
    assert page.locator(ready).nth(1).wait_for() is None
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    assert not axe(page)

def test_words_without_scripts(page_of, shown):
    page = page_of(shown._repr_html_(), java_script_enabled=False)
    assert page.get_by_text('2 frames with their true and predicted masks').is_visible()

def test_as_a_notebook_inserts_it(page_of, shown):
    "JupyterLab sets innerHTML and then makes each script anew; the second run of a cell finds the element defined"
    page = page_of('<div id="out"></div>')
    insert = """html => { out.innerHTML = html; for (const old of out.querySelectorAll('script')) {
        const s = document.createElement('script'); for (const a of old.attributes) s.setAttribute(a.name, a.value)
        s.textContent = old.textContent; old.replaceWith(s) } }"""
    for _ in range(2):
        page.evaluate(insert, shown._repr_html_())
        page.wait_for_selector(ready)
        assert 'of the labelled pixels are right' in line(page)
    page.evaluate("document.body.dataset.theme = 'dark'")     # a switch of the theme is followed
    page.wait_for_selector('camvid-masks[dark]')
