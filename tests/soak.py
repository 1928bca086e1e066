"""Training that goes on for long, training that is killed again and again, and predictions without end.

    python tests/soak.py epochs --n 200     # no growth of memory, threads or open files
    python tests/soak.py kills --n 50       # ends with the weights of the run that was left alone
    python tests/soak.py predict --n 3000   # images of any size and mode: memory comes to a plateau"""
import argparse, os, random, re, shutil, signal, subprocess, sys, tempfile, threading, time
from collections import Counter
from pathlib import Path

recipe = '--preset quick --size 32 48 --full-size 64 64 --bs 10 --seed 3'.split()

# The command, that is killed at a moment of its own choice: after a step of training or validation, in the middle of writing any file of the run folder, or just after it
RUN = """import os, signal, sys
from pathlib import Path
from camvid_seg.cli import train
from camvid_seg.cli.main import main
when, *args = sys.argv[1:]
bar, replace, steps, files = train.terminal_bar, os.replace, 0, 0
def die(where):
    print(where, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
def dying(src, dst):
    global files
    if Path(args[-1]).resolve() in Path(dst).resolve().parents:
        files += 1
        if when == f'after {files}': replace(src, dst)
        elif when in (f'half {files}', f'half {Path(dst).name}'): os.truncate(src, os.path.getsize(src)//2)
        else: return replace(src, dst)
        die(Path(dst).name)
    replace(src, dst)
def ticking():
    global bar
    b = bar()
    class Killer(type(b)):
        def after_batch(self):
            global steps
            steps += 1
            if f'step {steps}' == when: die('a step')
            super().after_batch()
    return Killer()
os.replace, train.terminal_bar = dying, ticking
sys.exit(main(args))"""

def command(when, *args):
    "Run `camvid-seg train` with `args`, the run folder last, until `when`: 'step N', 'half N', 'half NAME', 'after N' or 'never'; the place where it was killed, or None"
    r = subprocess.run([sys.executable, '-c', RUN, when, 'train', *map(str, args)], capture_output=True, text=True)
    if r.returncode not in (0, -signal.SIGKILL): raise RuntimeError(r.stderr)
    return r.stdout.split('\n')[-2] if r.returncode else None

def weights(run):
    from camvid_seg.model.weights import read_weights
    return {(p.name, k): v for p in sorted(run.glob('*.safetensors')) for k, v in read_weights(p)[0].items()}

def same(a, b):
    "Do two run folders hold the same weights, to the bit, and the same rows of history?"
    x, y = weights(a), weights(b)
    rows = [re.sub(r',[\d.]+(,\d+,\d+)$', r'\1', (o/'history.csv').read_text(encoding='utf-8'), flags=re.M) for o in (a, b)]
    return x.keys() == y.keys() and all(v.equal(y[k]) for k, v in x.items()) and rows[0] == rows[1]

def kills(n, folder, epochs=(4, 3, 1), seed=0, aims=()):
    "Kill a training `n` times, at `aims` and else at random, each time going on: the places; is it, when at last it ends, the run that nobody killed? Files left behind"
    from camvid_seg.data.scenes import scenes
    args = ['--data', scenes(n=40).path, *recipe, '--epochs', *epochs]
    command('never', *args, '--out', folder/'whole')
    rng, run, killed = random.Random(seed), folder/'killed', []
    def go(when):
        if (run/'config.json').exists(): return command(when, '--resume', run)
        shutil.rmtree(run, ignore_errors=True) # killed before it had begun
        return command(when, *args, '--out', run)
    aims = dict(enumerate(aims))
    if n > 5: # what is written once, chance may miss
        aims |= {0: 'half config.json', n//3: 'half stage-1.safetensors', n//2: 'half history.csv', 2*n//3: 'half stage-2.safetensors', n-1: 'half full-size.safetensors'}
    while len(killed) < n:
        when = rng.choice([f'step {rng.randint(1, 6)}', f'half {rng.randint(1, 5)}', f'after {rng.randint(1, 3)}'])
        if (where := go(aims.get(len(killed), when))) is None: break
        killed.append(where)
        if len(killed) % 10 == 0: print(f'{len(killed)} kills', flush=True)
    else: go('never')
    left = [p.name for p in run.rglob('.*')]
    return killed, same(folder/'whole', run), left

def usage():
    "Resident memory in MB, threads, open files of this process"
    import psutil
    p = psutil.Process()
    return p.memory_info().rss/2**20, threading.active_count(), p.num_handles() if os.name == 'nt' else p.num_fds()

def epochs(n, folder, warm=None):
    "Train `n` epochs of one stage; `usage` after the first few, and at the end"
    from camvid_seg.train.training import stage_learner, stage_loaders
    from camvid_seg.data.scenes import scenes
    from camvid_seg.train.recipes import quick_recipe
    from camvid_seg.train.runs import Run
    from camvid_seg.train.training import fit_stage
    from fastai.callback.core import Callback
    warm, seen = warm or max(3, n//5), []
    class Watch(Callback):
        order, remove_on_fetch = 70, True
        def after_epoch(self): seen.append(usage())
    r = quick_recipe(ema=0.9).change_stages(epochs=n, size=(32,48), bs=10, precision='fp32')
    learn = stage_learner(stage_loaders(scenes(n=40), r, 0, device='cpu'), r, Watch())
    fit_stage(learn, Run(folder/'soak', dict(recipe=r.to_dict())), 0, r)
    return seen[warm], seen[-1]

def any_image(rng):
    "An image of a random size in a random mode of Pillow"
    import numpy as np
    from PIL import Image
    size = *rng.integers(32, 257, 2), 3
    im = Image.fromarray(rng.integers(0, 256, size, np.uint8))
    mode = rng.choice(['1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I;16'])
    return im.convert('L').convert('I').convert('I;16') if mode == 'I;16' else im.convert(str(mode))

def predictions(n, every=None):
    "Predict `n` images that nobody has seen before: the mean resident memory in MB in the second quarter and in the last, and the modes that there were; `every` so many it is told"
    import numpy as np, torch
    from camvid_seg.model.unet import create_unet
    from camvid_seg.use.inference import Predictor
    torch.manual_seed(0)
    predictor = Predictor(create_unet('resnet18', 32, 'lean', None), device='cpu', precision='fp32')
    rng, modes, seen = np.random.default_rng(0), set(), []
    for i in range(n):
        im = any_image(rng)
        modes.add(im.mode)
        p = predictor(np.array(im) if i%2 and im.mode in ('L', 'RGB') else im)
        assert p.ids.shape == im.size[::-1]
        seen.append(usage()[0])
        if every and (i + 1)%every == 0: print(f'{i+1}: {seen[-1]:.0f} MB', flush=True)
    quarter = n//4
    return sum(seen[quarter:2*quarter])/quarter, sum(seen[-quarter:])/quarter, modes

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', choices=['epochs', 'kills', 'predict'])
    p.add_argument('--n', type=int, help='how many (default: 200 epochs, 50 kills, 3000 predictions)')
    args, start = p.parse_args(), time.time()
    if args.what == 'predict':
        n = args.n or 3000
        m0, m1, _ = predictions(n, max(1, n//10))
        print(f'on average {m0:.0f} MB in the second quarter, {m1:.0f} MB in the last, {time.time()-start:.0f} s')
        sys.exit(m1 > 1.05*m0)
    with tempfile.TemporaryDirectory() as d:
        if args.what == 'kills':
            n = args.n or 50
            killed, ok, left = kills(n, Path(d), epochs=[n//3 + 2]*3)
            where = ', '.join(f'{k} {v}' for k,v in Counter(killed).most_common())
            print(f'{len(killed)} of {n} kills ({where}), {"the same weights and history" if ok else "OTHER weights or history"}, {len(left)} files left behind, {time.time()-start:.0f} s')
            sys.exit(not ok or bool(left) or len(killed) < n)
        (m0, t0, f0), (m1, t1, f1) = epochs(args.n or 200, Path(d))
        print(f'memory {m0:.0f} -> {m1:.0f} MB, threads {t0} -> {t1}, open files {f0} -> {f1}, {time.time()-start:.0f} s')
        sys.exit(m1 > 1.05*m0 + 20 or t1 > t0 or f1 > f0)

if __name__ == '__main__': main()
