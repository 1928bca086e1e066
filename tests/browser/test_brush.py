"The IoU brush: painted with the mouse and with the keys; its figures are the package's"
import math
import numpy as np, pytest

height, width = 96, 128

@pytest.fixture(scope='module')
def scene():
    from camvid_seg.data.classes import CAMVID_CLASSES
    from camvid_seg.data.scenes import draw_scene
    image, mask = draw_scene(2, 120, (height, width))
    return image, mask, [o.name for o in CAMVID_CLASSES]

@pytest.fixture
def brush(scene, page_of):
    from camvid_seg.touch.brush import iou_brush
    image, mask, codes = scene
    def brush(**options):
        page = page_of(iou_brush(mask, codes, image, 'Car')._repr_html_(), **options)
        page.wait_for_selector('camvid-brush[ready]')
        return page
    return brush

def painted(page): return np.array(page.evaluate("[...document.querySelector('camvid-brush').painted]"), np.uint8).reshape(height, width)
def figures(page): return page.evaluate("document.querySelector('camvid-brush').figures")
def shown(page): return page.locator('camvid-brush .value').all_inner_texts()
def line(page): return page.locator('camvid-brush .say').inner_text()
def truth_of(scene, name):
    _, mask, codes = scene
    return np.where(mask == codes.index('Void'), 2, mask == codes.index(name)).astype(np.uint8)

def check(page, truth):
    "The page's figures are what the package says of the pixels painted there"
    from camvid_seg.touch.brush import class_figures
    ours, said = figures(page), class_figures(painted(page), truth)
    for k, v in said.items(): assert ours[k] is None and math.isnan(v) or abs(ours[k] - v) < 1e-12, (k, ours, said)
    assert shown(page) == [f'{100*v:.1f}\u00a0%' for v in said.values()]
    return said

def at(page, x, y):
    box = page.locator('camvid-brush canvas').bounding_box()
    return box['x'] + box['width']*(x + .5)/width, box['y'] + box['height']*(y + .5)/height

def test_mouse(brush, scene):
    page, truth = brush(), truth_of(scene, 'Car')
    assert not painted(page).any() and check(page, truth)['iou'] == 0
    y, x = np.argwhere(truth == 1).mean(0).round().astype(int)
    page.mouse.move(*at(page, x - 8, y))
    page.mouse.down()
    page.mouse.move(*at(page, x + 8, y + 2), steps=3)
    page.mouse.up()
    assert painted(page)[y, x - 8] and painted(page).sum() > 17 and check(page, truth)['iou'] > 0
    assert line(page).startswith('Car: Accuracy ')
    drawn = painted(page)
    page.get_by_role('button', name='Erase').click()
    page.mouse.click(*at(page, x - 8, y))
    assert painted(page).sum() < drawn.sum() and not painted(page)[y, x - 8]
    check(page, truth)
    page.get_by_role('button', name='Undo').click()
    assert (painted(page) == drawn).all()
    page.get_by_role('button', name='Reset').click()
    assert not painted(page).any() and check(page, truth)['iou'] == 0
    page.get_by_label('class', exact=True).select_option('Road')
    check(page, truth_of(scene, 'Road'))
    assert line(page).startswith('Road: ')

def test_keyboard(brush, scene):
    page, truth = brush(), truth_of(scene, 'Car')
    page.get_by_label('brush', exact=True).focus()
    page.keyboard.press('End')
    page.locator('camvid-brush canvas').focus()
    page.keyboard.press('ArrowLeft')
    assert line(page).startswith(f'Row {height//2}, column {width//2 - 1}: ') and not painted(page).any()
    page.keyboard.press('Enter')
    one = painted(page)
    assert one[height//2, width//2 - 1] and abs(one.sum() - math.pi*8**2) < 12
    check(page, truth)
    page.get_by_label('arrow keys paint').focus()
    page.keyboard.press('Space')
    page.locator('camvid-brush canvas').focus()
    page.keyboard.press('Shift+ArrowRight')
    assert painted(page).sum() > one.sum() and line(page).startswith('Car: Accuracy ')
    check(page, truth)
    page.get_by_role('button', name='Undo').focus()
    page.keyboard.press('Enter')
    assert (painted(page) == one).all()

def test_figures_are_the_packages(brush, scene):
    "Random blobs over every class of the frame"
    import cv2
    page, rng = brush(), np.random.default_rng(0)
    for name in 'Road', 'Car', 'Column_Pole', 'Sky', 'Pedestrian':
        page.get_by_label('class', exact=True).select_option(name)
        truth = truth_of(scene, name)
        near = cv2.blur((truth == 1).astype(np.float32), (5, 5)) + .4*cv2.blur(rng.normal(size=truth.shape).astype(np.float32), (5, 5))
        page.evaluate("(p) => { const e = document.querySelector('camvid-brush'); e.painted.set(p); e.update() }", (near > .3).astype(int).ravel().tolist())
        assert painted(page).any() and 0 < check(page, truth)['border'] < 1

@pytest.mark.parametrize('scheme,wide', [('light', 1000), ('dark', 1000), ('light', 360), ('dark', 360)])
def test_looks(brush, axe, scheme, wide):
    page = brush(color_scheme=scheme, viewport=dict(width=wide, height=740))
    assert page.evaluate('document.documentElement.scrollWidth') <= wide
    assert not axe(page)
