"Classes that are merged by a table, taken from another run by name, or coloured by a header: what lies is refused, what only looks odd is read"
import json
import numpy as np, pytest, torch
from PIL import Image
from camvid_seg.cli import train as train_command
from camvid_seg.cli.main import main
from camvid_seg.core import SegError
from camvid_seg.data.dataset import SegFolder
from camvid_seg.data.decode import read_mask
from camvid_seg.data.loaders import seg_dataloaders
from camvid_seg.model.unet import create_unet, load_unet
from camvid_seg.model.weights import read_weights, save_weights
from camvid_seg.train.learner import unet_learner
from camvid_seg.train.recipes import quick_recipe
from camvid_seg.train.training import train
from camvid_seg.use.inference import Predictor

codes = ['sky', 'road', 'car', 'Café, open']
own = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]]

@pytest.fixture
def folder(tmp_path, monkeypatch):
    "A dataset of 6 frames in bands of classes, in colours of its own"
    monkeypatch.setenv('CAMVID_SEG_HOME', str(tmp_path/'home'))
    p, rng = tmp_path/'data', np.random.default_rng(0)
    for o in ('images', 'labels'): (p/o).mkdir(parents=True)
    (p/'codes.txt').write_text('\n'.join(codes), encoding='utf-8')
    (p/'label_colors.txt').write_text('\n'.join(f'{r} {g} {b} {c}' for (r, g, b), c in zip(own, codes)), encoding='utf-8')
    (p/'valid.txt').write_text('f4\nf5', encoding='utf-8')
    for i in range(6):
        ids = np.repeat(np.arange(4, dtype=np.uint8), 8)[:, None].repeat(48, 1)
        Image.fromarray(ids).save(p/f'labels/f{i}_P.png')
        Image.fromarray(rng.integers(0, 60, (32, 48, 3), dtype=np.uint8) + 40*ids[..., None]).save(p/f'images/f{i}.png')
    return SegFolder(p)

good = 'from,to\nsky,\nroad,Ground\ncar,Ground\n"Café, open",Place\n'
spoiled = {'without its first line': good.split('\n', 1)[1], 'of one column': 'class\nsky\nroad\n', 'of three columns': good.replace('from,to', 'from,to,why'),
           'with a line of one cell': good.replace('sky,', 'sky'), 'with a name that has a comma and no quotes': good.replace('"', ''), 'with a quote that never ends': good.replace('open"', 'open'),
           'with a class that the folder does not have': good + 'tram,Ground\n', 'with a class misspelled': good.replace('road', 'raod'), 'with a class on two lines': good + 'CAR,Place\n',
           'without one of the classes': good.replace('car,Ground\n', ''), 'that makes every class Void': 'from,to\n' + ''.join(f'"{c}",VOID\n' for c in codes), 'that has a first line only': 'from,to\n',
           'that is empty': '', 'in Latin-1': good.encode('latin-1'), 'in UTF-16': good.encode('utf-16'), 'that is a picture': b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'of zeros': bytes(500)}

@pytest.mark.parametrize('what', spoiled)
def test_table_of_classes(fault, folder, tmp_path, what):
    text, table = spoiled[what], tmp_path/'map.csv'
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = fault.refused('classes', f'a table that merges classes, {what}', folder.merge, str(table))
    assert 'map.csv: ' in said and len(said) < 250

def test_no_table(fault, folder, tmp_path):
    fault.refused('classes', 'a folder in place of a table that merges classes', folder.merge, tmp_path)
    fault.refused('classes', 'a table that merges classes and is not there', folder.merge, 'camvid12')
    fault.refused('classes', 'numbers in place of a table that merges classes', folder.merge, {0: 1})

odd = {'semicolons, a byte-order mark and Windows ends of lines': '\ufefffrom;to\r\nsky;\r\nroad;Ground\r\ncar;Ground\r\nCafé, open;Place\r\n',
       'its columns exchanged, in capitals': 'TO,FROM\n,sky\nGround,road\nGround,car\nPlace,"Café, open"\n', 'other capitals, and é in two characters': good.replace('sky', 'SKY').replace('é', 'e\u0301'),
       'blank lines and spaces': 'from, to \n\nsky , \n  road,  Ground\ncar , Ground\n\n"Café, open",Place  \n'}

@pytest.mark.parametrize('what', odd)
def test_odd_tables(fault, folder, tmp_path, what):
    (tmp_path/'map.csv').write_bytes(odd[what].encode())
    merged = folder.merge(tmp_path/'map.csv')
    assert merged.codes == ['Ground', 'Place', 'Void'] and merged.merged.lut.tolist() == [2, 0, 0, 1]
    assert np.array_equal(np.unique(read_mask(merged.label(merged.images[0]), merged)), [0, 1, 2])
    fault('classes', f'a table that merges classes, with {what}', 'read as it is meant')

def weights(path, codes=codes, arch='resnet18', **facts):
    return save_weights(create_unet(arch, len(codes), 'lean', None), path, **{'codes': codes, **facts})

def start(path, codes=codes, arch='resnet18'): return create_unet(arch, len(codes), 'lean', path, codes)

def test_start_from_what_cannot_be_one(fault, tmp_path):
    file = weights(tmp_path/'w.safetensors')
    fault.refused('classes', 'weights of another encoder, to start from', start, file, arch='resnet34')
    nameless = save_weights(create_unet('resnet18', 7, 'lean', None), tmp_path/'nameless.safetensors')
    fault.refused('classes', 'weights of 7 classes without names, to start with 4', start, nameless)
    torch.save(read_weights(nameless)[0], tmp_path/'nameless.pth')
    fault.refused('classes', 'a .pth of 7 classes, to start with 4', start, tmp_path/'nameless.pth')
    lies = save_weights(create_unet('resnet18', 4, 'lean', None), tmp_path/'lies.safetensors', codes=['sky', 'road'], n_classes=2)
    fault.refused('untrusted', 'weights of 4 classes whose header names 2, to start from', start, lies)

def test_start_from_a_run(fault, tmp_path):
    run = tmp_path/'theirs'
    run.mkdir()
    fault.refused('classes', 'an empty folder to start from', start, run)
    weights(run/'best.safetensors')
    for what, named in {'a file elsewhere': '../w.safetensors', 'a pickle': 'w.pth', 'a number': 5}.items():
        (run/'metrics.json').write_text(json.dumps(dict(weights=named)), encoding='utf-8')
        fault.refused('untrusted', f'a run folder whose metrics.json names {what} as its weights, to start from', start, run)
    (run/'metrics.json').write_text('[' * 100_000, encoding='utf-8')
    fault.refused('untrusted', 'a run folder whose metrics.json is none, to start from', start, run)

def test_names_decide(fault, tmp_path):
    file = weights(tmp_path/'w.safetensors')
    new, head = start(file, ['CAR', 'tram', 'cafe\u0301, open']), read_weights(file)[0]['head.weight']
    assert torch.equal(new.head.weight[[0, 2]], head[[2, 3]]) and not (new.head.weight[1] == head).flatten(1).all(1).any()
    fault('classes', 'weights of 4 classes, to start with 3: one in capitals, one new, one with é in two characters', 'the known ones keep their weights')

def test_resume_merges_as_the_run_did(fault, folder, tmp_path):
    r = quick_recipe(arch='resnet18', weights=None)
    r = r.change_stages(epochs=1, size=(32, 48), bs=2, precision='fp32')
    merged = folder.merge(dict(sky='', road='Ground', car='Ground') | {codes[3]: 'Place'})
    train(merged, r, tmp_path/'run', device='cpu')
    moved = folder.merge(dict(sky='', road='Ground', car='Place') | {codes[3]: 'Place'})
    assert moved.codes == merged.codes
    fault.refused('resume', 'classes merged in another way, under the same names', train, moved, r, tmp_path/'run', device='cpu', resume=True)
    config = json.loads((tmp_path/'run'/'config.json').read_text(encoding='utf-8'))
    for what, pairs in {'a number': 5, 'single names': [['sky'], ['road']], 'numbers of classes': [[0, 1]], 'a class that is not there': [['tram', 'Ground']]}.items():
        (tmp_path/'run'/'config.json').write_text(json.dumps({**config, 'class_map': pairs}), encoding='utf-8')
        fault.refused('untrusted', f'config.json that merges classes by {what}', train_command._resumed, tmp_path/'run', None)

lying = {'one colour for two classes': [[1, 2, 3]], 'the same colour twice': [[1, 2, 3]]*2, 'a colour of two numbers': [[1, 2], [3, 4]], 'a colour of 300': [[1, 2, 300], [4, 5, 6]],
         'a colour of true': [[1, 2, True], [4, 5, 6]], 'colours as text': ['red', 'blue'], 'colours as a number': 5}

@pytest.mark.parametrize('what', lying)
def test_colours_of_a_header(fault, tmp_path, monkeypatch, what):
    file = weights(tmp_path/'net.safetensors', ['a', 'b'], colors=lying[what])
    monkeypatch.setattr('camvid_seg.model.unet.create_unet', lambda *args, **kwargs: pytest.fail('a network was built'))
    assert fault.refused('untrusted', f'weights whose header has {what}', load_unet, file).startswith('net.safetensors: its header says colors=')

def test_own_colours(fault, folder, tmp_path):
    learn = unet_learner(seg_dataloaders(folder, (32, 48), bs=2, device='cpu'), 'resnet18', None, 'lean')
    file = learn.save(tmp_path/'own.safetensors')
    assert main(['predict', str(file), str(folder.images[0]), '--out', str(tmp_path/'out')]) == 0
    assert np.array(Image.open(tmp_path/'out'/'f0_P.png').getpalette()).reshape(-1, 3)[:4].tolist() == own
    merged = Predictor(file, device='cpu', classes=dict(sky='', road='Ground', car='Ground') | {codes[3]: 'Place'})
    assert merged.colors.tolist() == [own[1], own[3], own[0]]
    fault('coded mask', 'colours of its own in label_colors.txt', 'go with the weights; predictions are painted in them')

def test_predict_with_a_wrong_table(fault, folder, tmp_path, capsys):
    file = weights(tmp_path/'w.safetensors')
    (tmp_path/'map.csv').write_text(spoiled['without one of the classes'], encoding='utf-8')
    assert main(['predict', str(file), str(folder.images[0]), '--out', str(tmp_path/'out'), '--classes', str(tmp_path/'map.csv')]) == 2
    assert not (tmp_path/'out').exists()
    fault('classes', 'predict with a table that forgets a class of the network', 'refused, before anything is made', capsys.readouterr().err.strip())
    with pytest.raises(SegError, match="says nothing of '0'"): Predictor(create_unet('resnet18', 4, 'lean', None), device='cpu', classes='camvid11')
