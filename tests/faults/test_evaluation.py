"What evaluates: run folders and frames that are not as a training left them"
import json, os, shutil
import numpy as np, pytest
from PIL import Image
from camvid_seg.data.dataset import SegFolder
from camvid_seg.data.scenes import scenes
from camvid_seg.cli.main import main
from camvid_seg.model.unet import create_unet
from camvid_seg.model.weights import save_weights
from camvid_seg.train.recipes import quick_recipe
from camvid_seg.use.evaluation import evaluate

posix = pytest.mark.skipif(os.name == 'nt', reason='links need a privilege there')
VOID = 30

@pytest.fixture
def data(tmp_path):
    "A dataset folder of its own"
    shutil.copytree(scenes(n=8, size=(36,48), per_drive=2).path, tmp_path/'street')
    return tmp_path/'street'

@pytest.fixture
def stranger(tmp_path, data):
    "A run folder as a training leaves it, of untrained weights"
    folder, run = SegFolder(data), tmp_path/'run'
    recipe = quick_recipe(arch='resnet18', weights=None).change_stages(size=[(36,48)]*3)
    save_weights(create_unet('resnet18', 32, 'lean', weights=None), run/'best.safetensors', codes=folder.codes, colors=folder.colors.tolist(), void_code=VOID, size=[36,48])
    (run/'config.json').write_text(json.dumps(dict(data=str(data), split='valid.txt', recipe=recipe.to_dict(), class_map=None)), encoding='utf-8')
    (run/'metrics.json').write_text(json.dumps(dict(weights='best.safetensors', accuracy=.5)), encoding='utf-8')
    (run/'history.csv').write_text('epoch,stage,train_loss,valid_loss,accuracy,miou,seconds\n0,stage-1,3,3,.1,.1,1\n', encoding='utf-8')
    return run

def refused(fault, capsys, row, injected, *args):
    "`camvid-seg evaluate` must refuse in one line"
    assert main(['evaluate', *map(str, args)]) == 2
    said = capsys.readouterr().err
    assert said.count('\n') == 1 and not said.startswith('Traceback')
    fault(row, injected, 'refused', said.strip())
    return said

def test_sound(stranger):
    assert main(['evaluate', str(stranger)]) == 0
    assert (stranger/'report.html').exists() and (stranger/'evaluation.json').exists()

@pytest.mark.parametrize('name, text', [('history.csv', 'epoch,stage\nx,y\n'), ('metrics.json', '{"weights": "best.safetensors", "a": '), ('config.json', '[]')])
def test_not_as_written(fault, capsys, stranger, name, text):
    (stranger/name).write_text(text, encoding='utf-8')
    said = refused(fault, capsys, 'untrusted', f'a {name} that no training wrote, in evaluate', stranger)
    assert name in said

@posix
@pytest.mark.parametrize('name', ['evaluation.json', 'report.html'])
def test_linked(fault, capsys, stranger, name):
    there = stranger.parent/'mine'
    there.write_text('mine', encoding='utf-8')
    (stranger/name).symlink_to(there)
    said = refused(fault, capsys, 'untrusted', f'a {name} that is a link to a file elsewhere, in evaluate', stranger)
    assert 'leads out of the run folder' in said and there.read_text(encoding='utf-8') == 'mine'

def test_broken_evaluation(fault, stranger):
    (stranger/'evaluation.json').write_text('{"lesson": ', encoding='utf-8')
    assert main(['evaluate', str(stranger)]) == 0
    assert json.loads((stranger/'evaluation.json').read_text(encoding='utf-8')).keys() == {'lesson'}
    fault('untrusted', 'an evaluation.json that was cut off', 'written anew')

def test_other_classes(fault, capsys, stranger, data):
    codes = (data/'codes.txt').read_text(encoding='utf-8').split()
    (data/'codes.txt').write_text('\n'.join([codes[1], codes[0], *codes[2:]]), encoding='utf-8')
    assert 'differ from id 0 on' in refused(fault, capsys, 'classes', 'evaluate with data whose classes are in another order', stranger)

def test_all_void(fault, stranger, data, capsys):
    "Frames without a label have no figures, which is said"
    for p in SegFolder(data).split().valid: Image.fromarray(np.full((36,48), VOID, np.uint8)).save(data/'labels'/f'{p.stem}_P.png')
    assert main(['evaluate', str(stranger)]) == 0
    figures = json.loads((stranger/'evaluation.json').read_text(encoding='utf-8'))['lesson']['figures']
    assert set(figures.values()) == {None} and 'nan' not in capsys.readouterr().out
    fault('too little', 'evaluate with frames that are all Void', 'no figures, and no error')

def test_damaged_mask(fault, capsys, stranger, data):
    label = SegFolder(data).label(SegFolder(data).split().valid[0])
    label.write_bytes(label.read_bytes()[:60])
    assert label.name in refused(fault, capsys, 'damaged file', 'a cut-off mask, in evaluate', stranger)

def test_odd_names(fault, stranger, data):
    "Classes and frames named with HTML, in the report"
    markup = '<b onerror=x>$^$'
    codes = (data/'codes.txt').read_text(encoding='utf-8').split('\n')
    (data/'codes.txt').write_text('\n'.join(o if o != 'Road' else markup for o in codes), encoding='utf-8')
    folder = SegFolder(data)
    first = folder.split().valid[0]
    if os.name != 'nt':
        first.rename(first.with_name('<i>.png'))
        folder.label(first).rename(data/'labels'/'<i>_P.png')
        (data/'valid.txt').write_text('<i>.png\n', encoding='utf-8')
    net = create_unet('resnet18', 32, 'lean', weights=None)
    save_weights(net, stranger/'best.safetensors', codes=SegFolder(data).codes, void_code=VOID, size=[36,48])
    assert main(['evaluate', str(stranger)]) == 0
    page = (stranger/'report.html').read_text(encoding='utf-8')
    assert '<b ' not in page and '&lt;b onerror=x&gt;' in page and '<i>' not in page
    ev = evaluate(net, SegFolder(data), size=(36,48), device='cpu')
    assert '<b ' not in ev._repr_html_()
    fault('untrusted', 'HTML in class and frame names, in the report of evaluate', 'shown as text')
