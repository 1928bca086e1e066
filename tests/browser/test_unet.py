"The U-Net explorer, used with the mouse and with the keyboard"
import base64, io, re
import numpy as np, pytest
from PIL import Image

@pytest.fixture(scope='module')
def shown():
    import torch
    from camvid_seg.data.loaders import seg_dataloaders
    from camvid_seg.data.scenes import scenes
    from camvid_seg.touch.unet import unet_explorer
    from camvid_seg.train.learner import unet_learner
    folder = scenes(n=24, size=(64, 96), per_drive=6)
    dls = seg_dataloaders(folder, (32, 64), bs=6, augment=False, device='cpu')
    torch.manual_seed(0)
    return unet_explorer(unet_learner(dls, 'resnet18', weights=None, decoder='lean'), folder.images[0])

@pytest.fixture
def explorer(shown, page_of):
    def explorer(**options):
        page = page_of(shown._repr_html_(), **options)
        page.wait_for_selector('camvid-unet[ready]')
        return page
    return explorer

def picture(page, i): return page.locator('camvid-unet canvas').nth(i).evaluate('c => c.toDataURL()')     # 0 the image, 1 the output
def line(page): return page.locator('camvid-unet .say').inner_text()
def answer(data, off): return np.array(Image.open(io.BytesIO(base64.b64decode(data['answers'][off].split(',')[1]))))

def test_mouse(explorer, shown):
    page, data = explorer(), shown.data
    first = [picture(page, i) for i in (0, 1)]
    box = page.locator('camvid-unet canvas').nth(1).bounding_box()
    page.mouse.click(box['x'] + box['width']*(10.5/64), box['y'] + box['height']*(20.5/32))
    name = data['codes'][answer(data, 0)[20, 10]]
    assert line(page).startswith(f'Row 20, column 10: {name}. The output can see ') and 'Half of the gradient lies within' in line(page)
    assert picture(page, 0) != first[0] and picture(page, 1) != first[1]
    before = picture(page, 0)
    page.get_by_role('button', name='encoder 1/2').click()
    (top, bottom), (left, right) = data['levels'][0]['rows'][20], data['levels'][0]['columns'][10]
    assert (bottom - top + 1, right - left + 1) == (7, 7) and 'encoder 1/2 (encoder.conv1) can see 7 × 7 of 32 × 64 pixels' in line(page)
    assert picture(page, 0) != before

def test_bridges(explorer, shown):
    page, data = explorer(), shown.data
    before = picture(page, 1)
    page.get_by_label('bridge 1/4').click()
    changed = (answer(data, 2) != answer(data, 0)).mean()
    assert f'Without 1/4, {changed:.0%}'[:-1] in line(page) and changed > 0 and picture(page, 1) != before
    page.get_by_label('bridge 1/16').focus()
    page.keyboard.press('Space')
    changed = (answer(data, 10) != answer(data, 0)).mean()
    assert f'Without 1/4, 1/16, {100*changed:.0f} % of the pixels change' in line(page)
    for name in '1/4', '1/16': page.get_by_label(f'bridge {name}').click()
    assert picture(page, 1) == before and 'Without' not in line(page)

def test_keyboard(explorer, shown):
    page = explorer()
    y, x = map(int, re.match(r'Row (\d+), column (\d+)', line(page)).groups())
    page.locator('camvid-unet canvas').nth(1).focus()
    for key in 'ArrowLeft', 'Shift+ArrowRight', 'ArrowUp': page.keyboard.press(key)
    assert line(page).startswith(f'Row {y-1}, column {x+9}: ')
    page.get_by_role('button', name='decoder 1/8').focus()
    page.keyboard.press('Enter')
    assert 'decoder 1/8 (blocks.1) can see ' in line(page)
    assert page.get_by_role('button', name='decoder 1/8').get_attribute('aria-pressed') == 'true'

def test_the_page_says_what_costs_say(explorer, shown):
    text = explorer().locator('camvid-unet .u').inner_text()
    for l in shown.data['levels']:
        assert ' × '.join(map(str, l['shape'])) in text and l['name'] in text
        assert f"{l['mflop']:.1f} MFLOP" in text or f"{l['mflop']:.0f} MFLOP" in text

@pytest.mark.parametrize('scheme,wide', [('light', 1000), ('dark', 1000), ('light', 360), ('dark', 360)])
def test_looks(explorer, axe, scheme, wide):
    page = explorer(color_scheme=scheme, viewport=dict(width=wide, height=740))
    assert page.evaluate('document.documentElement.scrollWidth') <= wide
    assert not axe(page)
