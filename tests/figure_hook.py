"""An extension of IPython that fails a cell which shows a figure with nothing in it: no line, image, bar or point within the limits
of an axes. `.ci/run` loads it into nbdev-test by the profile in tests/ipython."""
import ctypes, gc, re, sys
import numpy as np

class BlankFigure(AssertionError): "A figure that shows nothing"

_shells = []    # the one of the notebook that runs

def release_last(shell):
    "Give back what the notebook before held: IPython keeps the shells of all, and a lesson holds a gigabyte"
    for old in _shells: old.user_ns.clear()
    _shells[:] = [shell]
    gc.collect()
    if sys.platform == 'linux' and hasattr(libc := ctypes.CDLL(None), 'malloc_trim'): libc.malloc_trim(0) # of glibc

def load_ipython_extension(shell):
    release_last(shell)
    shown = []
    def note(fig, printer, cycle): # each figure that is shown, by whatever call, is described in plain text too
        shown.append(fig)
        printer.text(repr(fig))
    def look(result):
        figures = list(dict.fromkeys(shown))
        shown.clear()
        code = result.info.raw_cell
        if result.error_before_exec or result.error_in_exec or re.search(r'^#\| *(hide|(include|output): *false) *$', code, re.M): return
        try: faults = [f'figure {i}, {what}' for i, fig in enumerate(figures, 1) for what in blanks(fig)]
        except Exception as e: result.error_in_exec = e # IPython would only print what is raised here
        else:
            if faults: result.error_in_exec = BlankFigure('; '.join(faults) + f'; the cell:\n{code}')
    shell.display_formatter.formatters['text/plain'].for_type_by_name('matplotlib.figure', 'Figure', note)
    shell.events.register('post_run_cell', look)

def blanks(fig):
    "The visible axes of `fig` that show nothing, in words"
    fig.draw_without_rendering() # limits and places are final
    seen = [ax for ax in fig.axes if ax.get_visible()]
    if not (seen or fig.images or fig.texts or fig.patches): yield 'no axes that could be seen'
    for i, ax in enumerate(seen, 1):
        if not any(inside(a, ax) for a in (*ax.lines, *ax.images, *ax.patches, *ax.collections)) and not says(ax):
            title = ax.get_title() or ax.get_ylabel() or ax.get_xlabel()
            yield f'axes {i} of {len(seen)}{f" ({title})" if title else ""}: no line, image, bar or point within its limits'

def says(ax):
    "A table, or texts and a legend in place of axes"
    return bool(ax.tables) or not ax.axison and (ax.get_legend() is not None or any(t.get_text().strip() for t in ax.texts))

def inside(artist, ax):
    "Does `artist` put anything within the limits of `ax`?"
    values = artist.get_array() if hasattr(artist, 'get_array') else None
    empty = values is not None and not np.isfinite(np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)).any()
    marks = sum(artist.get_transform().contains_branch_seperately(ax.transData)) == 1 # axhline and its like mark a value and have none
    return artist.get_visible() and not empty and not marks and any(meets(*o, ax.bbox) for o in outlines(artist, ax))

def outlines(artist, ax):
    "`(path in pixels, 'points', 'line' or 'area')` of what an artist draws"
    from matplotlib.collections import Collection
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D
    from matplotlib.path import Path
    if isinstance(artist, Line2D):
        nothing = 'None', 'none', ' ', '', None
        path = artist.get_transform().transform_path(artist.get_path())
        if artist.get_marker() not in nothing: yield path, 'points'
        if artist.get_linestyle() not in nothing: yield path, 'line'
    elif isinstance(artist, AxesImage):
        box = artist.get_window_extent()
        yield Path([(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)]), 'area'
    elif isinstance(artist, Collection):
        to_pixels = artist.get_offset_transform()
        if to_pixels.contains_branch(ax.transData): # one shape in many places
            yield Path(to_pixels.transform(np.ma.filled(np.ma.asarray(artist.get_offsets(), dtype=float), np.nan))), 'points'
        else: yield from ((artist.get_transform().transform_path(p), 'line') for p in artist.get_paths())
    else: yield artist.get_transform().transform_path(artist.get_path()), 'area'

def meets(path, kind, box):
    "Is a finite point of `path` within `box`, or does it cross or cover it? What has no area shows none"
    path = path.cleaned(remove_nans=True, curves=True)
    points = path.vertices[~np.isin(path.codes, (path.STOP, path.CLOSEPOLY))]
    points = points[np.isfinite(points).all(1)]
    if not len(points) or kind == 'area' and not (np.ptp(points, 0) > 0).all(): return False
    within = (points >= box.min - .5) & (points <= box.max + .5)
    return bool(within.all(1).any()) or kind != 'points' and path.intersects_bbox(box, kind == 'area')
