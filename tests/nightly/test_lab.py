"""Notebooks as a reader runs them: opened in JupyterLab, all cells run, and each thing to touch moved with the mouse or the keyboard.
No cell may end in an error, and the browser's console may hold no error of ours. `SHOTS=folder` keeps a picture of each."""
import os, re, shutil
import pytest
from conftest import root

def ours(troubles):
    "What went wrong on a page but for what Lab itself logs, and the badge where there is no network"
    theirs = r'127\.0\.0\.1:\d+/(static|api|lab/api|lab/extensions)/|https://colab\.research\.google\.com/assets/colab-badge\.svg'
    return [t for t in troubles if not re.search(theirs, t)]

def ran_well(lab, page, name, troubles):
    "Every cell of the notebook ran, in order; none has an error, and no error in the console is ours"
    if shots := os.environ.get('SHOTS'): page.screenshot(path=f'{shots}/{name}.png')
    cells = lab.cells(page)
    errors = ['\n'.join([c['source'], *o['traceback']]) for c in cells for o in c['outputs'] if o['output_type'] == 'error']
    assert not errors, '\n\n'.join(errors)
    assert [c['execution_count'] for c in cells] == [*range(1, len(cells) + 1)]
    assert not ours(troubles)

@pytest.mark.parametrize('lesson', ['02_masks', '00_image_segmentation'])
def test_lesson(lab, lesson):
    shutil.copy(root/'nbs'/f'{lesson}.ipynb', lab.home)
    page, troubles = lab.open(lesson)
    lab.run_all(page, seconds=1500)
    assert sum('image/png' in o.get('data', {}) for c in lab.cells(page) for o in c['outputs']) > 5
    ran_well(lab, page, lesson, troubles)
    lab.close(page)

class Thing:
    "The first thing to touch of a page, of that kind"
    def __init__(self, page, kind):
        self.page, self.kind, self.node = page, kind, page.locator(f'camvid-{kind}').first
        page.locator(f'camvid-{kind}[ready]').first.wait_for(state='attached')
        self.node.scroll_into_view_if_needed()

    def look(self):
        "What it shows: its words, numbers and pixels"
        return self.node.evaluate("""e => e.shadowRoot.querySelector('section').innerText
            + [...e.shadowRoot.querySelectorAll('canvas')].map(c => c.toDataURL())
            + [...e.shadowRoot.querySelectorAll('svg')].map(s => s.innerHTML)""")

    def moves(self, act):
        "It looks different after `act`, and the notebook around it is as it was"
        before, around = self.look(), self.around()
        act()
        for _ in range(100):
            if self.look() != before: break
            self.page.wait_for_timeout(50)
        else: pytest.fail(f'{self.kind} did not change')
        assert self.around() == around

    def around(self):
        "Which cell Lab has chosen, how many there are, and where its notebook is scrolled to"
        return self.page.evaluate("""() => [document.querySelectorAll('.jp-Cell').length, document.querySelectorAll('.jp-Notebook.jp-mod-editMode').length,
            [...document.querySelectorAll('.jp-Cell')].findIndex(c => c.classList.contains('jp-mod-active'))]""")

    def slider(self, name=''):
        "Move a slider with the mouse, then with the keys"
        slider = self.node.get_by_role('slider', name=name).first
        box = slider.bounding_box()
        slider.click(position=dict(x=2, y=box['height']/2))
        self.moves(lambda: slider.click(position=dict(x=box['width'] - 2, y=box['height']/2)))
        self.moves(lambda: self.page.keyboard.press('ArrowLeft'))
        self.moves(lambda: self.page.keyboard.press('Home'))

    def point(self, i, x, y):
        "A place on canvas `i`, x and y from 0 to 1, in the page's pixels"
        box = self.node.locator('canvas').nth(i).bounding_box()
        return box['x'] + box['width']*x, box['y'] + box['height']*y

    def drag(self, i, *places):
        "Press the mouse at the first of these places on canvas `i`, and let go at the last"
        self.page.mouse.move(*self.point(i, *places[0]))
        self.page.mouse.down()
        for place in places[1:]: self.page.mouse.move(*self.point(i, *place), steps=4)
        self.page.mouse.up()

def masks(thing):
    thing.drag(0, (.5, .5), (.45, .5))                       # takes the focus of Lab
    thing.moves(lambda: thing.drag(0, (.6, .3), (.25, .3)))
    thing.moves(lambda: thing.page.keyboard.press('ArrowDown'))
    thing.slider('opacity')

def unet(thing):
    output = thing.node.locator('canvas').nth(1)
    output.click()
    thing.moves(lambda: output.click(position=dict(x=20, y=20)))
    thing.moves(lambda: thing.page.keyboard.press('ArrowRight'))
    bridge = thing.node.get_by_role('checkbox').first
    thing.moves(bridge.click)
    thing.moves(lambda: thing.page.keyboard.press('Space'))

def rates(thing): thing.slider()

def brush(thing):
    thing.drag(0, (.3, .3), (.3, .3))
    thing.moves(lambda: thing.drag(0, (.3, .5), (.5, .6)))
    for key in 'Shift+ArrowUp', 'Enter', 'Shift+ArrowRight', 'Space': thing.moves(lambda: thing.page.keyboard.press(key))
    thing.moves(thing.node.get_by_role('button', name='Undo').click)
    thing.moves(lambda: thing.page.keyboard.press('Enter'))

def numbers(thing):
    thing.slider('Loss scale')
    choice = thing.node.get_by_label('Gradients of the')
    thing.moves(lambda: choice.select_option(label='weights'))

def augment(thing):
    thing.slider('Rotation')
    thing.slider('Brightness')
    thing.moves(thing.node.get_by_label('Mirror').check)

def replay(thing):
    thing.slider()
    thing.moves(thing.node.get_by_role('button', name='Play').click)

acts = masks, unet, rates, brush, numbers, augment, replay

things = ["""#| hide
import torch
from torch import nn
from camvid_seg.all import *
from camvid_seg.touch.augment import augment_explorer
from camvid_seg.touch.brush import iou_brush
from camvid_seg.touch.masks import mask_explorer
from camvid_seg.touch.numbers import number_line, step_gradients
from camvid_seg.touch.rates import rate_explorer, record_runs
from camvid_seg.touch.replay import Replay
from camvid_seg.touch.unet import unet_explorer
folder = scenes(n=48, size=(96,128), per_drive=6)
dls = seg_dataloaders(folder, size=(32,64), bs=4, device='cpu')
learn = unet_learner(dls, 'resnet18', weights=None, decoder='lean')""",
    'learn.fit(4, 1e-3, cbs=Replay())',
    'mask_explorer(learn, n=2)',
    'unet_explorer(learn, folder.images[0])',
    """batches = [[o.as_subclass(torch.Tensor) for o in dls.one_batch()] for _ in range(10)]
rate_explorer(record_runs(nn.Conv2d(3, dls.c, 3, padding=1), batches, nn.CrossEntropyLoss(), (1e-4, 1e-2, 10.), (None, .25)))""",
    """image, mask = read_image(folder.images[0]), read_mask(folder.label(folder.images[0]), folder)
iou_brush(mask, folder, image)""",
    'number_line(step_gradients(learn))',
    'augment_explorer(image, mask, folder)']

@pytest.fixture(scope='module')
def page_of_things(lab):
    "The notebook `things`, of which all cells ran, what went wrong on its page, and what the dashboard of its second cell said during `fit`"
    lab.write('things', ['1 + 1', *things])
    page, troubles = lab.open('things')
    seen = []
    page.expose_function('note', lambda said: seen.append(said) if said not in seen else None)
    page.evaluate("""() => setInterval(() => { const shown = [...document.querySelectorAll('camvid-replay[ready]')]
        if (shown.length && shown[0].closest('.jp-CodeCell').querySelector('.jp-InputPrompt').textContent.includes('*'))
            note(shown.map(e => e.shadowRoot.querySelector('.say').textContent.match(/epoch \\d+ of \\d+/)[0]).join()) }, 50)""")
    lab.run_all(page, seconds=900)
    yield page, troubles, seen
    lab.close(page)

def test_every_thing_is_there(page_of_things, lab):
    page, troubles, _ = page_of_things
    for act in acts: Thing(page, act.__name__)
    ran_well(lab, page, 'things', troubles)

def test_dashboard_follows_fit(page_of_things):
    "It is there after the first epoch, and each other epoch replaces it"
    seen = page_of_things[2]
    assert len(seen) > 1 and seen == [f'epoch {i} of {i}' for i in range(1, len(seen) + 1)]

@pytest.mark.parametrize('act', acts, ids=lambda f: f.__name__)
def test_thing_moves(page_of_things, act):
    page, troubles, _ = page_of_things
    act(Thing(page, act.__name__))
    if shots := os.environ.get('SHOTS'): page.screenshot(path=f'{shots}/{act.__name__}.png')
    assert not ours(troubles)
