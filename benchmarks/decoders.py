"""The lean decoder against the lesson's: same encoder, frames, batches, epochs and seeds, from random weights.

    python benchmarks/decoders.py --data FOLDER --json benchmarks/results/decoders.json

The decoders take turns, seed by seed. Each finished run is kept at once beside the results (decoders.runs.json), so a
command that was interrupted goes on with the run it was in. Results are those of the seeds that both have finished."""
import argparse, json, os, platform, statistics, subprocess, time
from importlib.metadata import version
from pathlib import Path
import camvid_seg, torch
from camvid_seg.dataset import SegError, SegFolder, atomic_path
from camvid_seg.explore import row_baseline
from camvid_seg.fullsize import best_precision
from camvid_seg.loaders import seg_dataloaders
from camvid_seg.metrics import seg_metrics
from camvid_seg.training import seed_epoch
from camvid_seg.unet import create_unet, stage_costs, unet_learner
from fastai.callback.core import Callback
from fastai.torch_core import default_device, set_seed

here = Path(__file__).resolve().parent

def command_line():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--data', type=Path, required=True, help='dataset folder')
    p.add_argument('--json', type=Path, default=here/'results/decoders.json', help='results (default: benchmarks/results/decoders.json)')
    p.add_argument('--arch', default='resnet34', help='encoder of both (default: %(default)s)')
    p.add_argument('--size', type=int, nargs=2, default=(96, 128), metavar=('H', 'W'), help='pixels (default: 96 128)')
    p.add_argument('--epochs', type=int, default=12, help='of every run (default: %(default)s)')
    p.add_argument('--bs', type=int, default=8, help='images in a batch (default: %(default)s)')
    p.add_argument('--seeds', type=int, nargs='+', default=(0, 1, 2), help='(default: 0 1 2)')
    p.add_argument('--lr', type=float, nargs=2, default=(1e-3, 1e-3), metavar=('LESSON', 'LEAN'), help='peak rates of the 1cycle (default: 1e-3 both)')
    return p.parse_args()

class Seeded(Callback):
    "Shuffling and augmentation are a function of seed and epoch, the same for both decoders; prints a line an epoch"
    order = 65 # after the Recorder has its figures
    def __init__(self, seed, label): self.seed,self.label = seed,label
    def before_train(self): seed_epoch(self.dls.train, self.seed, self.epoch)
    def after_epoch(self):
        train,valid,accuracy,*_ = map(float, self.learn.final_record)
        print(f'{self.label}, epoch {self.epoch+1} of {self.n_epoch}: loss {train:.3f} / {valid:.3f}, accuracy {accuracy:.4f}', flush=True)

def run(dls, decoder, lr, seed, epochs, arch, precision):
    "Train once; the figures of the last epoch"
    set_seed(seed)
    learn = unet_learner(dls, arch, weights=None, decoder=decoder, metrics=seg_metrics(), wd=0.01)
    learn.model.to(memory_format=torch.channels_last)
    learn.set_precision(precision)
    start = time.perf_counter()
    with learn.no_bar(), learn.no_logging(): learn.fit_one_cycle(epochs, lr, cbs=Seeded(seed, f'{decoder}, seed {seed}'))
    names = learn.recorder.metric_names[1:-1]
    return dict(decoder=decoder, seed=seed, seconds=round(time.perf_counter()-start, 1), **dict(zip(names, map(float, learn.recorder.values[-1]))))

def write(file, data):
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(file) as tmp: tmp.write_text(json.dumps(data, indent=1, allow_nan=False) + '\n', encoding='utf-8')

def facts(args):
    "What a figure needs beside it so that it can be measured again"
    git = lambda *a: subprocess.run(['git', *a], cwd=here.parent, capture_output=True, text=True).stdout.strip()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    versions = {k:version(k) for k in ('torch', 'torchvision', 'fastai', 'fastcore')}
    options = f"--arch {args.arch} --size {args.size[0]} {args.size[1]} --epochs {args.epochs} --bs {args.bs} --seeds {' '.join(map(str, args.seeds))}"
    return dict(hardware=dict(machine=platform.machine(), system=platform.system(), cores=os.cpu_count(), threads=torch.get_num_threads(), gpu=gpu),
                versions=dict(python=platform.python_version(), camvid_seg=camvid_seg.__version__, **versions),
                command=f'python benchmarks/decoders.py --data {args.data.name} {options} --lr {args.lr[0]:g} {args.lr[1]:g}',
                commit=git('rev-parse', '--short', 'HEAD') + ('+' if git('status', '--porcelain', '--', 'camvid_seg', 'benchmarks/decoders.py') else ''))

def rows(runs, seeds, floor, costs, **more):
    "Rows of results: what both decoders reached for the seeds that both have finished"
    of = {d:{r['seed']:r for r in runs if r['decoder']==d} for d in ('lesson', 'lean')}
    seeds = [s for s in seeds if s in of['lesson'] and s in of['lean']]
    def row(case, unit, ours, peer, ratio, **kw):
        o,p = statistics.median(ours),statistics.median(peer)
        return dict(bench='decoders', case=case, unit=unit, ours=o, peer=p, peer_name="the lesson's decoder", ratio=ratio(o, p), floor=None, floor_name='') | kw | dict(
            ours_runs=ours, peer_runs=peer, seeds=seeds, **more)
    def score(case, **kw): return row(case, 'share', *([of[d][s][case] for s in seeds] for d in ('lean', 'lesson')), lambda o,p: o/p, **kw)
    if not seeds: return []
    return [score('accuracy', floor=floor, floor_name='accuracy without a network: the commonest class of each row'), score('miou'),
            row('operations an image at 360x480', 'GFLOP', [costs['lean']], [costs['lesson']], lambda o,p: p/o)]

def main():
    args = command_line()
    folder,file = SegFolder(args.data),args.json.with_suffix('.runs.json')
    precision = best_precision()
    setup = dict(data=folder.name, arch=args.arch, size=list(args.size), epochs=args.epochs, bs=args.bs, lr=list(args.lr), precision=precision)
    old = json.loads(file.read_text(encoding='utf-8')) if file.exists() else dict(setup=setup, runs=[])
    if old['setup'] != setup: raise SegError(f"{file.name}: holds runs of {old['setup']}, not {setup}; choose another --json, or delete it")
    runs = old['runs']
    dls = seg_dataloaders(folder, args.size, args.bs)
    note = (f"{folder.name}: {len(dls.train_ds)} training and {len(dls.valid_ds)} validation frames at {args.size[0]}×{args.size[1]}, {args.epochs} epochs in batches of {args.bs}, "
            f"{args.arch}, random weights, {precision}, peak rates {args.lr[0]:g} (lesson) and {args.lr[1]:g} (lean).")
    costs = {d:stage_costs(create_unet(args.arch, dls.c, d, None)).total[3] for d in ('lesson', 'lean')}
    floor,about = row_baseline(folder),dict(note=note, **facts(args))
    print(note, default_device(), f'{torch.get_num_threads()} threads', flush=True)
    for seed in args.seeds:
        for decoder,lr in zip(('lesson', 'lean'), args.lr):
            if any((r['decoder'], r['seed'])==(decoder, seed) for r in runs): continue
            runs.append(run(dls, decoder, lr, seed, args.epochs, args.arch, precision))
            write(file, dict(setup=setup, runs=runs))
            write(args.json, rows(runs, args.seeds, floor, costs, **about))
    for r in rows(runs, args.seeds, floor, costs): print(f"{r['case']}: lean {r['ours_runs']}, lesson {r['peer_runs']}")

if __name__ == '__main__':
    try: main()
    except SegError as e: raise SystemExit(f'decoders.py: {e}')
