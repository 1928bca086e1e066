"The commands evaluate and compare: the figures are those of the run, files hold them, mistakes are one line"
import json
import pytest
from camvid_seg.cli.main import main
from camvid_seg.data.scenes import scenes
from camvid_seg.model.unet import create_unet
from camvid_seg.model.weights import save_weights
from camvid_seg.use.intervals import FEW_DRIVES

@pytest.fixture(scope='module')
def folder(): return scenes(n=60, size=(48,64), per_drive=2)

@pytest.fixture(scope='module')
def trained(folder, tmp_path_factory):
    "A run in three short stages"
    out = tmp_path_factory.mktemp('evaluated')/'run'
    args = ['--arch', 'resnet18', '--weights', 'none', '--size', 36, 48, '--full-size', 48, 64, '--epochs', 3, 1, 3, '--bs', 8,
            '--precision', 'fp32', '--lr', 3e-3, 2e-3, 1e-3, '--seed', 3]
    assert main(['train', '--data', str(folder.path), '--preset', 'quick', *map(str, args), '--out', str(out)]) == 0
    return out

@pytest.fixture
def untrained(folder, tmp_path):
    net = create_unet('resnet18', len(folder.codes), 'lean', weights=None)
    return save_weights(net, tmp_path/'untrained.safetensors', codes=folder.codes, colors=folder.colors.tolist(), void_code=folder.void_code, size=[48,64])

def read(path): return json.loads(path.read_text(encoding='utf-8'))

def test_evaluate_finds_the_figures_of_the_run(trained, capsys):
    "The run's own data, split and size need no flag"
    assert main(['evaluate', str(trained)]) == 0
    said, m, ev = capsys.readouterr().out, read(trained/'metrics.json'), read(trained/'evaluation.json')['lesson']
    assert (ev['size'], ev['frames'], ev['part']) == (m['size'], m['valid_frames'], 'valid.txt, valid')
    for k in 'accuracy', 'class_accuracy', 'miou': assert ev['figures'][k] == pytest.approx(m[k], abs=.003), k
    for part in 'pixel accuracy', 'Road', 'is taken for', 'Distance from a border', 'Not to be compared', f"figures: {trained/'evaluation.json'}", f"report: {trained/'report.html'}": assert part in said
    low, high = ev['intervals']['figures']['drives']['accuracy']
    assert len(ev['drives']) >= FEW_DRIVES and low < ev['figures']['accuracy'] < high

def test_protocols_stand_beside_each_other(folder, trained, tmp_path):
    for protocol in 'lesson', 'literature', 'lesson': assert main(['evaluate', str(trained), '--protocol', protocol, '--out', str(tmp_path)]) == 0
    both, page = read(tmp_path/'evaluation.json'), (tmp_path/'report.html').read_text(encoding='utf-8')
    assert 'protocol lesson' in page.lower() and page.count('data:image/') == 4 and 'FC-DenseNet' not in page
    assert {k: len(v['iou']) for k, v in both.items()} == {'lesson': len(folder.codes), 'literature': 12}
    assert both['literature']['figures']['accuracy'] > both['lesson']['figures']['accuracy']      # merging forgives

def test_compare_says_who_is_better(folder, trained, untrained, capsys):
    assert main(['compare', str(untrained), str(trained), '--data', str(folder.path)]) == 0
    assert 'pixel accuracy: B is better (+0.' in capsys.readouterr().out
    assert main(['compare', str(trained), str(untrained), str(trained), '--data', str(folder.path)]) == 0
    said = capsys.readouterr().out
    assert 'pixel accuracy: B is worse (-0.' in said and 'no difference that these frames can show (+0.0000' in said

def test_run_with_merged_classes(folder, tmp_path, capsys):
    "A run on the 11 classes is judged on them, by either protocol"
    out = tmp_path/'merged'
    args = ['--classes', 'camvid11', '--arch', 'resnet18', '--weights', 'none', '--size', '36', '48', '--full-size', '36', '48', '--epochs', '1', '--bs', '8']
    assert main(['train', '--data', str(folder.path), '--preset', 'quick', *args, '--out', str(out)]) == 0
    for protocol in 'lesson', 'literature': assert main(['evaluate', str(out), '--protocol', protocol]) == 0
    both = read(out/'evaluation.json')
    assert both['lesson']['figures'] == both['literature']['figures'] and len(both['lesson']['iou']) == 12

@pytest.mark.parametrize('change, says', [
    (dict(data='gone'), "--data gone: no such folder"), (dict(split='fastai'), 'it is not the whole of CamVid'), (dict(size=['0', '9']), 'two whole numbers above 0'),
    (dict(weights='gone.safetensors'), 'gone.safetensors'), (dict(data=None), 'name them with --data')])
def test_mistakes_are_one_line(folder, untrained, capsys, change, says):
    args = dict(weights=str(untrained), data=str(folder.path)) | change
    flags = [o for k in ('data', 'split') if args.get(k) for o in (f'--{k}', args[k])] + (['--size', *args['size']] if 'size' in args else [])
    assert main(['evaluate', args['weights'], *flags]) == 2
    said = capsys.readouterr().err
    assert says in said and said.count('\n') == 1

def test_data_that_moved_are_said(trained, tmp_path, capsys):
    config = read(trained/'config.json') | dict(data=str(tmp_path/'gone'))
    old = (trained/'config.json').read_text(encoding='utf-8')
    try:
        (trained/'config.json').write_text(json.dumps(config), encoding='utf-8')
        assert main(['evaluate', str(trained)]) == 2
    finally: (trained/'config.json').write_text(old, encoding='utf-8')
    assert 'say where it is with --data FOLDER' in capsys.readouterr().err

def test_one_network_alone_is_no_comparison(trained, capsys):
    assert main(['compare', str(trained)]) == 2
    assert 'name two networks or more' in capsys.readouterr().err
