"""The lean decoder against the lesson's: same encoder, frames, batches, epochs and seeds, from
random weights.

    python benchmarks/decoders.py --data FOLDER

The decoders take turns, seed by seed. Each finished run is kept at once, as a line of
decoders.jsonl beside the results, so a command that was interrupted goes on with the run it was in.
Results are those of the seeds that both have finished."""
import argparse, json, time
from pathlib import Path
# ours first: importing camvid_seg asks for large pages, and PyTorch asks only once
from camvid_seg.bench.results import Row, Table, facts, write_rows
from camvid_seg.core import SegError, atomic_path
from camvid_seg.data.baselines import row_baseline
from camvid_seg.data.dataset import SegFolder
from camvid_seg.data.loaders import seg_dataloaders
from camvid_seg.model.costs import stage_costs
from camvid_seg.model.unet import create_unet
from camvid_seg.train.learner import unet_learner
from camvid_seg.train.metrics import seg_metrics
from camvid_seg.train.precision import best_precision
from camvid_seg.train.seeds import seed_epoch
import torch
from fastai.callback.core import Callback
from fastai.torch_core import set_seed

here = Path(__file__).resolve().parent

def command_line():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--data', type=Path, required=True, help='dataset folder')
    p.add_argument('--json', type=Path, default=here/'results/decoders.json',
                   help='results (default: benchmarks/results/decoders.json)')
    p.add_argument('--arch', default='resnet34', help='encoder of both (default: %(default)s)')
    p.add_argument('--size', type=int, nargs=2, default=(96, 128), metavar=('H', 'W'),
                   help='pixels (default: 96 128)')
    p.add_argument('--epochs', type=int, default=12, help='of every run (default: %(default)s)')
    p.add_argument('--bs', type=int, default=8, help='images in a batch (default: %(default)s)')
    p.add_argument('--seeds', type=int, nargs='+', default=(0, 1, 2), help='(default: 0 1 2)')
    p.add_argument('--lr', type=float, nargs=2, default=(1e-3, 1e-3), metavar=('LESSON', 'LEAN'),
                   help='peak rates of the 1cycle (default: 1e-3 both)')
    return p.parse_args()

class Seeded(Callback):
    "Shuffling and augmentation follow from seed and epoch alone; prints a line an epoch"
    order = 65 # after the Recorder has its figures
    def __init__(self, seed, label): self.seed, self.label = seed, label
    def before_train(self): seed_epoch(self.dls.train, self.seed, self.epoch)
    def after_epoch(self):
        train, valid, accuracy, *_ = map(float, self.learn.final_record)
        print(f'{self.label}, epoch {self.epoch+1} of {self.n_epoch}: '
              f'loss {train:.3f} / {valid:.3f}, accuracy {accuracy:.4f}', flush=True)

def train_once(dls, decoder, lr, seed, args, precision):
    "The figures of the last epoch"
    set_seed(seed)
    learn = unet_learner(dls, args.arch, weights=None, decoder=decoder, metrics=seg_metrics(),
                         wd=0.01)
    learn.model.to(memory_format=torch.channels_last)
    learn.set_precision(precision)
    label, start = f'{decoder}, seed {seed}', time.perf_counter()
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(args.epochs, lr, cbs=Seeded(seed, label))
    seconds = round(time.perf_counter() - start, 1)
    figures = zip(learn.recorder.metric_names[1:-1], map(float, learn.recorder.values[-1]))
    return dict(decoder=decoder, seed=seed, seconds=seconds, **dict(figures))

def keep(file, runs):
    lines = [json.dumps(r, allow_nan=False) + '\n' for r in runs]
    with atomic_path(file) as tmp: tmp.write_text(''.join(lines), encoding='utf-8')

def kept(file, setup):
    "Runs that an earlier command finished, if it was the same command"
    if not file.exists(): return []
    runs = [json.loads(l) for l in file.read_text(encoding='utf-8').splitlines()]
    for r in runs:
        theirs = {k:r[k] for k in setup}
        if theirs != setup:
            raise SegError(f'{file.name}: holds runs of {theirs}, not of {setup}; delete it, '
                           'or choose another --json')
    return runs

def results(runs, seeds, costs):
    "Rows for the seeds that both decoders have finished; smaller figures are better"
    of = {d:{r['seed']:r for r in runs if r['decoder'] == d} for d in costs}
    both = [s for s in seeds if all(s in of[d] for d in of)]
    def row(case, unit, figure, **more):
        lean, lesson = figure('lean'), figure('lesson')
        return Row('decoders', case, unit, lean, lesson, "the lesson's decoder", **more)
    def missed(metric): return lambda d: [100*(1 - of[d][s][metric]) for s in both]
    if not both: return Table()
    return Table([row('pixels wrong', '%', missed('accuracy')),
                  row('100% - mIoU', '%', missed('miou')),
                  row('operations an image at 360x480', 'GFLOP', lambda d: [costs[d]], bar=2.5)])

def note_on(folder, dls, args, precision):
    "What was trained, in words"
    (h, w), (lesson, lean) = args.size, args.lr
    n_train, n_valid = len(dls.train_ds), len(dls.valid_ds)
    guess = row_baseline(folder, size=tuple(args.size))
    return (f'{folder.name}: {n_train} training and {n_valid} validation frames '
            f'at {h}×{w}, {args.epochs} epochs in batches of {args.bs}, {args.arch}, '
            'random weights, '
            f'{precision}, peak rates {lesson:g} (lesson) and {lean:g} (lean). Without a network, '
            f'by the commonest class of each row, {1-guess:.1%} of the pixels are '
            'wrong.')

def command_of(folder, args):
    "The command, with all its options"
    words = ['python benchmarks/decoders.py', '--data', folder.name]
    for k,v in vars(args).items():
        values = v if isinstance(v, (list, tuple)) else [v]
        if k not in ('data', 'json'): words += [f'--{k}', *map(str, values)]
    return ' '.join(words)

def main():
    args = command_line()
    folder, file = SegFolder(args.data), args.json.with_suffix('.jsonl')
    precision = best_precision()
    setup = dict(data=folder.name, arch=args.arch, size=list(args.size), epochs=args.epochs,
                 bs=args.bs, lr=list(args.lr), precision=precision)
    file.parent.mkdir(parents=True, exist_ok=True)
    runs = kept(file, setup)
    dls = seg_dataloaders(folder, args.size, args.bs)
    nets = {d:create_unet(args.arch, dls.c, d, None) for d in ('lesson', 'lean')}
    costs = {d:stage_costs(net).total[3] for d,net in nets.items()}
    note = note_on(folder, dls, args, precision)
    about = facts(command_of(folder, args)) | dict(seeds=list(args.seeds), note=note)
    print(note, flush=True)
    for seed in args.seeds:
        for decoder,lr in zip(costs, args.lr):
            if any((r['decoder'], r['seed']) == (decoder, seed) for r in runs): continue
            runs.append(setup | train_once(dls, decoder, lr, seed, args, precision))
            keep(file, runs)
        write_rows(results(runs, args.seeds, costs), args.json, about)
    print(results(runs, args.seeds, costs))

if __name__ == '__main__':
    try: main()
    except SegError as e: raise SystemExit(f'decoders.py: {e}')
