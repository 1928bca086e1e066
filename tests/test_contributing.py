"The examples of CONTRIBUTING.md, run one after the other as a newcomer would paste them"
import re
from conftest import root

text = (root/'CONTRIBUTING.md').read_text(encoding='utf-8')
sections = [part.split('```') for part in text.split('\n### ')[1:]]
examples = {head.split('\n')[0]: code.removeprefix('python\n') for head, code, *_ in sections}

def test_each_way_to_add_something_is_named():
    for what in 'loss', 'encoder', 'augmentation', 'metric', 'recipe', 'flag', 'subcommand', 'importer', 'callback':
        assert re.search(rf'^\| an? {what}\b', text, re.M), what

def test_places_exist():
    for path in re.findall(r'`(nbs/[\w/]+(?:\.ipynb)?)', text): assert (root/path).exists() or 'NN_' in path, path

def test_examples_are_short():
    assert list(examples) == ['A loss', 'An encoder', 'A recipe', 'A subcommand']
    for code in examples.values(): assert len(code.strip().splitlines()) <= 10

def test_examples_work(tmp_path, monkeypatch, capsys):
    from camvid_seg.cli import main
    from camvid_seg.model.encoders import encoders
    from camvid_seg.train.recipes import presets
    for registry in encoders, presets, main.subcommands:
        for name in 'toy', 'tiny', 'hello': monkeypatch.delitem(registry, name, raising=False)
    monkeypatch.chdir(tmp_path)
    space, before = {}, {}
    for title, code in examples.items():
        exec(compile(code, f'CONTRIBUTING.md: {title}', 'exec'), space)
        learn = space['learn']
        assert before.get('learn') is learn or len(learn.recorder.losses) == 3       # six frames in batches of two
        before['learn'] = learn
    assert type(space['learn'].model.encoder).__name__ == 'Toy'
    assert space['run'].metrics['arch'] == 'toy' and len(space['run'].history) == 1
    assert 'hello you' in capsys.readouterr().out
    for registry, name in (encoders, 'toy'), (presets, 'tiny'), (main.subcommands, 'hello'): del registry[name]
