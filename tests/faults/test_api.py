"""The Python API, misused: any argument of a public function may be anything. Each call works, or is refused in one line.
2,000 calls; CAMVID_SEG_FUZZ=20000 for the long form."""
import contextlib, io, math, os, shutil
from pathlib import Path
# ruff: noqa: F403, F405
import matplotlib, numpy as np, pytest, torch
from hypothesis import HealthCheck, given, settings, strategies as st
from matplotlib import pyplot as plt
from PIL import Image
from camvid_seg.all import *

total = int(os.environ.get('CAMVID_SEG_FUZZ', 2000))
pytestmark = pytest.mark.filterwarnings('ignore')

anything = st.one_of(
    st.sampled_from([None, True, False, -1, 0, 1, 2, 10**12, .5, -.5, 1e300, math.nan, math.inf, '', 'x', 'é', 'a\nb', '/no/such', '\0', b'x', [], [1], [1,2], (32,48), (0,0), (-1,5), ('a','b'), {}, {'a':1}, {1}, object(),
                     len, 1j, Path('no'), slice(2), range(3), np.zeros((2,2)), np.zeros((4,5), np.uint8), np.zeros((4,5,3), np.uint8), np.float32(2), np.int64(-3), np.array('x'), np.zeros(0), torch.zeros(2,2),
                     torch.zeros(1,3,4,5), torch.zeros(3, dtype=torch.int64), torch.zeros(1, 4, 5, dtype=torch.int64), torch.tensor(3), torch.device('cpu'), 'cpu', 'cuda', 'gpu', torch.nn.Identity(), Image.new('RGB', (4,3)),
                     Image.new('L', (4,3)), io.BytesIO(b'x'), ['a.png'], [Path('a.png')], 'valid.txt', 'scenes', 'imagenet', 'camvid11']),
    st.integers(-100, 100), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(0, 300), max_size=4))

def api(place):
    "Of each public function a call that works: name -> (function, arguments)"
    folder = scenes(n=4, size=(32,48), per_drive=2, cache=place)
    images, mask_path, codes, colors, n = folder.images, label_path(folder.images[0]), folder.codes, folder.colors, len(folder.codes)
    image, mask = read_image(images[0]), read_mask(mask_path, folder)
    model = create_unet('resnet18', n, 'lean', None)
    weights = save_weights(model, place/'w.safetensors', codes=codes)
    dls = seg_dataloaders(folder, (32,48), bs=2, device='cpu')
    x, y = dls.one_batch()
    counts, cm, learn = class_counts(folder), ConfusionMatrix(codes), unet_learner(dls, 'resnet18', None, 'lean')
    predictor, sums, stage = Predictor(model, (32,48), 'cpu'), merge_classes(codes, colors, 'camvid11'), Stage('one', 1, (32,48), 1e-3, bs=2)
    recipe = Recipe('mine', (stage,), 'resnet18', 'lean', None)
    run, table = place/'run', place/'map.csv'
    table.write_text('from,to\n' + ''.join(f'{c},{c}\n' for c in codes))
    def fresh(f): # in a folder of its own
        def call(path, **kwargs):
            shutil.rmtree(run, ignore_errors=True)
            return f(path=path, **kwargs)
        return call
    def anew(dest): # a folder that is not there
        if isinstance(dest, Path) and dest == place/'exported': shutil.rmtree(dest, ignore_errors=True)
        return dest
    source = to_cvat(folder, place/'cvat')
    unfolded = create_unet('resnet18', n, 'lean', None).eval()
    calls = dict(
        SegFolder=(SegFolder, dict(path=folder.path, strict=True)), split=(folder.split, dict(name='valid.txt')), merge=(folder.merge, dict(classes='camvid11')),
        class_colors=(class_colors, dict(codes=codes)), to_11=(to_11, dict(codes=codes)), label_path=(label_path, dict(image=images[0])), read_class_map=(read_class_map, dict(path=table)),
        merge_classes=(merge_classes, dict(codes=codes, colors=colors, classes='camvid11')), find_class=(find_class, dict(name='Sky', codes=codes)),
        read_mask=(read_mask, dict(path=mask_path, folder_or_codes=folder)), decode_mask=(decode_mask, dict(path=mask_path, colors=colors)), read_image=(read_image, dict(path=images[0])),
        open_image=(open_image, dict(path=images[0])), as_rgb=(as_rgb, dict(image=image)),
        checked_ids=(checked_ids, dict(mask=mask, n=n)), colorize=(colorize, dict(mask=mask, colors=colors)), save_mask=(save_mask, dict(mask=mask, path=place/'m.png', colors=colors)),
        overlay=(overlay, dict(image=image, mask=mask, colors=colors, alpha=.5, ids=None)), class_shares=(class_shares, dict(mask=mask)),
        show_mask=(show_mask, dict(mask=mask, folder=folder, image=image, alpha=.5, legend=True, title='t', figsize=(2,2))), color_table=(color_table, dict(codes=codes, colors=colors, columns=4)),
        resize_mask=(resize_mask, dict(mask=mask, size=(16,24))),
        check_pair=(check_pair, dict(folder=folder, image=images[0], mask=mask_path)), check_dataset=(check_dataset, dict(folder=folder, split='valid.txt', progress=False)),
        require_sound=(require_sound, dict(folder=folder, split='valid.txt', progress=False)), sha256_of=(sha256_of, dict(path=weights)),
        scenes=(scenes, dict(n=4, size=(32,48), seed=0, per_drive=2, cache=place, progress=False)), draw_scene=(draw_scene, dict(drive=0, frame=0, size=(32,48), seed=0)),
        Augment=(Augment, dict(do_flip=True, max_rotate=5., min_zoom=1., max_zoom=1.1, max_lighting=.2, max_warp=.1, p_affine=.5, p_lighting=.5)),
        denormalize=(denormalize, dict(x=x)),
        class_counts=(class_counts, dict(folder=folder, images=images, n_workers=1, progress=False)), plot_imbalance=(plot_imbalance, dict(counts=counts, ax=None, figsize=(2,2))),
        class_id=(class_id, dict(codes=codes, name='Sky')), prior_mask=(prior_mask, dict(folder=folder, images=images, size=(8,12), per='row', n_workers=1)),
        guess_accuracy=(guess_accuracy, dict(guess=3, folder=folder, images=images, n_workers=1)), row_baseline=(row_baseline, dict(folder=folder, split='valid.txt', size=(8,12), per='row', n_workers=1)),
        frame_distances=(frame_distances, dict(images=images, others=None, size=(8,12), n_workers=1)), copy_baseline=(copy_baseline, dict(folder=folder, split='valid.txt', size=(8,12), n_workers=1)),
        read_pair=(read_pair, dict(folder=folder, fn=images[0], width=24)), show_grid=(show_grid, dict(folder=folder, images=images, n=2, cols=2, alpha=.5, legend=False, width=1)),
        hover_mask=(hover_mask, dict(mask=mask, folder=folder, image=image, alpha=.5, ids=None, width=64, cells=16, title='t')), MaskExplorer=(MaskExplorer, dict(folder=folder, images=images, frame=0, width=64)),
        AugmentExplorer=(AugmentExplorer, dict(folder=folder, images=images, frame=0, width=64)),
        decode_frame=(decode_frame, dict(folder=folder, path=images[0], size=(16,24))), Frames=(Frames, dict(folder=folder, paths=images, size=(16,24), cache=False, progress=False)),
        seg_dataloaders=(seg_dataloaders, dict(folder=folder, size=(32,48), bs=2, split='valid.txt', augment=True, cache=False, num_workers=0, device='cpu', progress=False)),
        read_weights=(read_weights, dict(path=weights)), save_weights=(save_weights, dict(model=model, path=place/'v.safetensors')), create_encoder=(create_encoder, dict(arch='resnet18')),
        create_unet=(create_unet, dict(arch='resnet18', n_classes=n, decoder='lean', weights=None, codes=codes)), load_unet=(load_unet, dict(path=weights)), stage_costs=(stage_costs, dict(model=model, size=(32,48))),
        SegLoss=(SegLoss, dict(void='ignore', void_code=n-1, reduction='mean')), SegFocalLoss=(SegFocalLoss, dict(void='ignore', void_code=n-1, gamma=2.)), SegDiceLoss=(SegDiceLoss, dict(void='ignore', void_code=n-1)),
        SegWeightedLoss=(SegWeightedLoss, dict(weights=[1.]*n, void='ignore', void_code=n-1)), class_weights=(class_weights, dict(rule='weighted', pixels=[[1]*n], void='ignore', void_code=n-1)),
        create_loss=(create_loss, dict(name='ce+dice', void='ignore', void_code=n-1, weights=None)), loss_terms=(loss_terms, dict(name='ce+dice')),
        loss=(SegLoss(), dict(logits=torch.zeros(1,3,4,5), target=torch.zeros(1,4,5,dtype=torch.int64))),
        confusion_matrix=(confusion_matrix, dict(pred=y, target=y, n_classes=n)), ConfusionMatrix=(ConfusionMatrix, dict(codes=codes, void_code=n-1)), update=(cm.update, dict(pred=y, target=y)),
        SegMetric=(SegMetric, dict(figure='miou', name='m')), EMA=(EMA, dict(decay=.9)), best_precision=(best_precision, dict(device='cpu')), seed_all=(seed_all, dict(seed=0)), CutMix=(CutMix, dict(alpha=1.)),
        lr_find=(lambda num_it, **k: learn.lr_find(num_it=min(num_it, 2) if type(num_it) is int else num_it, **k), dict(start_lr=1e-5, end_lr=1., num_it=2, stop_div=True)), exp_lrs=(exp_lrs, dict(start=1e-5, end=1., n=5)),
        unet_learner=(unet_learner, dict(dls=dls, arch='resnet18', weights=None, decoder='lean', train_bn=False)),
        Stage=(Stage, dict(name='one', epochs=1, size=(32,48), lr=1e-3, bs=2, frozen=False, precision='fp32', accumulate=1, checkpointing=False)),
        Recipe=(Recipe, dict(name='mine', stages=(stage,), arch='resnet18', decoder='lean', weights=None, void='ignore', loss='ce', augment=(), wd=.01, find_lr=False, metric='miou', seed=0, ema=0., compile=False)),
        lesson_recipe=(lesson_recipe, dict(size=(720,960), seed=1)), quick_recipe=(quick_recipe, dict(size=None, seed=1)), best_recipe=(best_recipe, dict(size=(720,960), wd=.1)), scratch_recipe=(scratch_recipe, dict(size=(720,960), wd=.1)),
        change_stages=(recipe.change_stages, dict(epochs=2, lr=[1e-3])), resolve=(resolve, dict(recipe=recipe, device='cpu')), Plan=(Plan, dict(folder=folder, recipe=recipe, split='valid.txt', device='cpu')),
        train=(fresh(train), dict(folder=folder, recipe=recipe, path=run, split='valid.txt', device='cpu', resume=False)), stage_loaders=(stage_loaders, dict(folder=folder, recipe=recipe, number=0, split='valid.txt', device='cpu', cache=False)),
        Run=(Run, dict(path=place/'kept')), write_report=(write_report, dict(run=train(folder, recipe, place/'kept', device='cpu'))),
        Predictor=(Predictor, dict(model=weights, size=(32,48), device='cpu', precision='fp32', compile=False, classes=None)), predict=(predictor, dict(image=image)), checked_size=(checked_size, dict(size=(32,48))),
        fold_batchnorm=(fold_batchnorm, dict(model=unfolded)), ready=(ready, dict(model=model, device='cpu', precision='fp32')),
        merged_probabilities=(merged_probabilities, dict(logits=torch.zeros(1,n,4,5), lut=sums.lut)),
        free_memory=(free_memory, dict(device='cpu')), batch_size_for=(batch_size_for, dict(size=(32,48), free=10**9, half_precision=False)),
        import_dataset=(import_dataset, dict(format='cvat', source=source, dest=place/'imported', split='random', progress=False)),
        to_cvat=(lambda folder, dest: to_cvat(folder, anew(dest)), dict(folder=folder, dest=place/'exported')),
        prune_cache=(prune_cache, dict(most=10**12, days=None, kinds=('frames',))),
        learn_predict=(learn.predict, dict(item=images[0])), test_dl=(lambda item: dls.test_dl([item]).one_batch(), dict(item=images[0])))
    return calls

def attempt(f, kwargs):
    "Call; None where it worked, else the traceback's last line where it was not refused in one line"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try: f(**kwargs)
        except SegError as e: return None if str(e).isprintable() and 8 < len(str(e)) < 600 else f'no plain line: {e!r}'
        except Exception as e: return f'{type(e).__name__}: {e}'
        finally: plt.close('all')

@pytest.fixture(scope='module')
def calls(tmp_path_factory):
    matplotlib.use('agg')
    return api(tmp_path_factory.mktemp('api'))

def test_right_arguments(calls):
    for name,(f,kwargs) in calls.items(): assert attempt(f, kwargs) is None, name

def test_any_arguments(calls, fault, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = st.sampled_from([*calls])
    @settings(max_examples=total, deadline=None, database=None, derandomize=total <= 2000, suppress_health_check=list(HealthCheck))
    @given(names, st.lists(st.tuples(st.integers(0, 20), anything), min_size=1, max_size=2))
    def check(name, wrong):
        f, kwargs = calls[name]
        keys = [*kwargs]
        changes = {keys[i%len(keys)]:v for i,v in wrong}
        failed = attempt(f, kwargs | changes)
        assert failed is None, f'{name}({changes}): {failed}'
    check()
    fault('fuzz', f'any arguments to {len(calls)} public functions: {total:,} random calls, of 20,000 in the long form', 'right, or refused in one line')
