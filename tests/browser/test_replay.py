"The training replay: mouse, keyboard, both themes, a phone"
from pathlib import Path
import numpy as np, pytest
from camvid_seg.touch.replay import Replay, training_replay

@pytest.fixture(scope='module')
def html():
    "Three epochs of a made-up run: a half, three quarters, then all of the pixels are right"
    run, truth = Replay(), np.zeros((16, 24), np.uint8)
    truth[8:] = 1
    half, most = np.zeros_like(truth), truth.copy()
    most[12:] = 0
    run.image, run.truth, run.masks = np.full((16, 24, 3), 90, np.uint8), truth, [half, most, truth]
    run.facts = dict(codes=['Sky', '<b>Road'], colors=[[0, 0, 255], [255, 0, 0]], void_code=None)
    run.epochs = [dict(train_loss=2 - i/2, valid_loss=None if i == 1 else 2., accuracy=.5 + i/4) for i in range(3)]
    return training_replay(run)._repr_html_()

def said(page): return page.locator('.say').inner_text()
def pixels(page): return page.locator('.pictures canvas').nth(1).evaluate("c => [...c.getContext('2d').getImageData(0, 15, 1, 1).data]")

def test_keys_go_through_the_epochs(page_of, html):
    page = page_of(html)
    page.locator('camvid-replay[ready]').wait_for()
    assert 'After epoch 3 of 3: 100.0 % of the pixels' in said(page) and pixels(page) == [255, 0, 0, 255]
    for key in 'Tab', 'Tab', 'ArrowLeft': page.keyboard.press(key)
    assert 'After epoch 2 of 3: 75.0 %' in said(page) and 'valid loss no number' in said(page) and pixels(page) == [0, 0, 255, 255]
    page.keyboard.press('Home')
    assert 'After epoch 1 of 3: 50.0 %' in said(page) and 'accuracy 0.500' in said(page)
    assert page.get_by_text('<b>Road').is_visible()                    # a class name is text

def test_play_starts_on_request_and_ends(page_of, html):
    page = page_of(html)
    page.locator('camvid-replay[ready]').wait_for()
    page.wait_for_timeout(1200)
    assert 'After epoch 3' in said(page)                               # nothing moves by itself
    page.get_by_role('button', name='Play').click()
    assert 'After epoch 1' in said(page) and page.get_by_role('button', name='Pause').is_visible()
    page.get_by_role('button', name='Play').wait_for(timeout=10_000)
    assert 'After epoch 3' in said(page)
    box = page.get_by_role('slider').bounding_box()
    page.mouse.click(box['x'] + 2, box['y'] + box['height']/2)
    assert 'After epoch 1' in said(page)

@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width', [360, 1200])
def test_it_fits_and_is_accessible(page_of, axe, html, scheme, width):
    page = page_of(html*2, viewport=dict(width=width, height=900), color_scheme=scheme)        # two on one page
    page.locator('camvid-replay[ready]').nth(1).wait_for()
    assert page.evaluate('document.documentElement.scrollWidth') <= width
    assert not axe(page)

fit = """import camvid_seg
from camvid_seg.data.loaders import seg_dataloaders
from camvid_seg.data.scenes import scenes
from camvid_seg.touch.replay import Replay
from camvid_seg.train.learner import unet_learner
dls = seg_dataloaders(scenes(n=8, size=(32,48), per_drive=2), size=(32,48), bs=4, device='cpu')
learn = unet_learner(dls, 'resnet18', weights=None, decoder='lean')
with learn.no_bar(), learn.no_logging(): learn.fit(3, 1e-3, cbs=Replay())"""

def test_a_kernel_shows_the_dashboard_during_fit(page_of, tmp_path, monkeypatch):
    "One output, which each epoch replaces; what is stored at the end works on a page"
    nbclient, nbformat = map(pytest.importorskip, ('nbclient', 'nbformat'))
    monkeypatch.setenv('PYTHONPATH', str(Path(__file__).resolve().parents[2]))
    sent = []
    class Watched(nbclient.NotebookClient):
        def process_message(self, msg, cell, index):
            if 'display_data' in msg['msg_type']: sent.append((msg['msg_type'], msg['content']['data']['text/plain']))
            return super().process_message(msg, cell, index)
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(fit)])
    Watched(nb, timeout=300, kernel_name='python3', resources=dict(metadata=dict(path=str(tmp_path)))).execute()
    assert [kind for kind, _ in sent] == ['display_data', 'update_display_data', 'update_display_data']
    for when, (_, text) in zip(('one epoch', 'each of 2 epochs', 'each of 3 epochs'), sent): assert when in text
    shown = [o for o in nb.cells[0].outputs if o.output_type == 'display_data']
    page = page_of(shown[0].data['text/html'])
    page.locator('camvid-replay[ready]').wait_for()
    assert len(shown) == 1 and 'After epoch 3 of 3' in said(page)
    page.get_by_role('slider').press('Home')
    assert 'After epoch 1 of 3' in said(page)
