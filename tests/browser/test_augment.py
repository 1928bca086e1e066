"The augmentation explorer: mouse, keyboard, both themes, a phone; its pixels are those of `augment_batch`"
import numpy as np, pytest, torch
from types import SimpleNamespace
from camvid_seg.data.augment import augment_batch, denormalize
from camvid_seg.touch.augment import augment_explorer

rng = np.random.default_rng(0)
mask = np.kron(rng.integers(0, 3, (6, 8)), np.ones((16, 16))).astype(np.uint8)
folder = SimpleNamespace(colors=np.uint8([[200, 30, 30], [30, 200, 30], [30, 30, 200]]))
image = np.repeat(np.uint8(80 + 50*mask)[..., None], 3, axis=2)

@pytest.fixture(scope='module')
def html(): return augment_explorer(image, mask, folder)._repr_html_()

def moved(**drawn):
    "What training makes of the frame: its pixels and its mask's colours"
    neutral = dict(flip=0., rotate=0., zoom=1., zoom_x=.5, zoom_y=.5, warp_x=0., warp_y=0., brightness=.5, contrast=1.)
    drawn = {k: torch.tensor([v]) for k, v in {**neutral, **drawn}.items()}
    x, y = augment_batch(torch.tensor(image).permute(2, 0, 1)[None], torch.tensor(mask)[None], drawn)
    return denormalize(x)[0].permute(1, 2, 0).numpy().astype(int), folder.colors[y[0].numpy()].astype(int)

def shown(page, i):
    data = page.locator('.pictures canvas').nth(i).evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    return np.array(data).reshape(96, 128, 4)[..., :3]

def opened(page_of, html, **how):
    page = page_of(html, **how)
    page.locator('camvid-augment[ready]').first.wait_for()
    return page

def test_keys_turn_frame_and_mask_as_training_does(page_of, html):
    page = opened(page_of, html)
    for key in 'Tab', 'ArrowRight', 'Tab', 'ArrowRight', 'Tab', 'ArrowLeft': page.keyboard.press(key)
    frame, ids = moved(rotate=10., zoom=1.25, warp_x=-.3)
    assert (shown(page, 2) == ids).all() and np.abs(shown(page, 1) - frame).mean() < 4      # JPEG
    assert 'turned by 10°, enlarged 1.25 times, tilted by -0.3' in page.locator('.say').inner_text()

def test_light_leaves_the_mask(page_of, html):
    page = opened(page_of, html)
    before, ids = shown(page, 1), shown(page, 2)
    page.get_by_role('slider', name='Brightness').press('End')
    frame, same = moved(brightness=.7)
    assert (shown(page, 2) == ids).all() and (ids == same).all()
    assert np.abs(shown(page, 1) - frame).mean() < 4 < np.abs(shown(page, 1) - before).mean()
    assert 'The light changes the frame only' in page.locator('.say').inner_text()

def test_the_mouse_mirrors_lays_over_and_resets(page_of, html):
    page = opened(page_of, html)
    still = shown(page, 2)
    slider = page.get_by_role('slider', name='Rotation')
    box = slider.bounding_box()
    page.mouse.click(box['x'] + box['width'] - 2, box['y'] + box['height']/2)
    page.get_by_label('Mirror').check()
    frame, ids = moved(rotate=20., flip=1.)
    assert (shown(page, 2) == ids).mean() > .99 and np.abs(shown(page, 1) - frame).mean() < 4
    page.get_by_label('Mask over the frame').check()
    assert np.abs(shown(page, 1) - (frame + ids)/2).mean() < 4
    page.get_by_role('button', name='Reset').click()
    assert (shown(page, 2) == still).all() and not page.get_by_label('Mirror').is_checked()

@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [360, 1200])
def test_it_fits_and_is_accessible(page_of, axe, html, scheme, width):
    page = opened(page_of, html*2, viewport=dict(width=width, height=900), color_scheme=scheme)     # two on one page
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    assert not axe(page)
