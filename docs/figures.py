"""Pictures, tables and outputs for readers who see little, or nothing: stage.py calls `tidy` and `alt` on the cells of a notebook, Sphinx
`finish` on the HTML of each page."""
import ast, re
from base64 import b64decode
from html import unescape
from io import BytesIO
from pathlib import Path
from PIL import Image

# ---- cells, before Sphinx ----

def has_picture(cell): return any(k.startswith('image/') for o in cell.outputs for k in o.get('data') or {})

def tidy(cell):
    "Drop from `cell` the colours that fastprogress gives to its table of epochs: no dark page can read them"
    cell.outputs = [o for o in cell.outputs if not re.match(r'\s*<style>\s*progress\b', ''.join((o.get('data') or {}).get('text/html', '')))]

def plain(markdown):
    "The words of Markdown, without its marks"
    text = re.sub(r'<details>.*?</details>|^```.*?^```|^(?:\||#+ |:::)[^\n]*|\*\*Predict, then run\.\*\*', '', markdown, flags=re.S | re.M)
    text = re.sub(r'!?\[([^\]]*)\]\([^)]*\)', r'\1', text)
    text = re.sub(r'<[^>]+>|\*\*|(?<!\w)[*_]|[*_](?!\w)|`|\$', '', text)
    return ' '.join(unescape(text).split())

# what the package's own functions and matplotlib draw, the most telling first
drawn = dict(show_results='frames, their masks and what the network says', show_batch='the frames of a batch with their masks over them',
             lr_find='loss against learning rate', plot_loss='loss of each step', plot_history='figures of each epoch', plot_unet='the maps of a U-Net, as boxes',
             plot_imbalance='pixels of each class, as bars', plot_evaluation='accuracy and IoU, as bars', plot_ratios='time of each peer against ours, as dots',
             show_worst_frames='the worst frames, with truth, prediction and error', show_worst_regions='the worst regions, with truth, prediction and error',
             MaskExplorer='a frame with its mask over it', AugmentExplorer='a frame and its mask, moved', show_mask='a mask in the colours of its classes, with their names',
             overlay='a mask over its frame', draw_scene='a drawn street', studio='parts of a drawn street', colorize='a mask in the colours of its classes',
             hist='a histogram', errorbar='means with their spread', barh='bars', bar='bars', eventplot='marks on a line', imshow='pictures', show='pictures',
             semilogx='curves', loglog='curves', semilogy='curves', plot='curves')

def strings(tree):
    "The strings of a piece of code, without the pieces of f-strings"
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str): yield ' '.join(tree.value.split())
    elif not isinstance(tree, ast.JoinedStr):
        for o in ast.iter_child_nodes(tree): yield from strings(o)

def labels(source):
    "What the code of a cell draws, and the titles and the names of axes that it gives, in its order"
    try: calls = [o for o in ast.walk(ast.parse(re.sub(r'^[%!].*$', '', source, flags=re.M))) if isinstance(o, ast.Call)]
    except SyntaxError: return '', [], []
    titles, axes = [], []
    names = {getattr(c.func, 'attr', getattr(c.func, 'id', '')) for c in calls}
    for call in calls:
        name = getattr(call.func, 'attr', '')
        if name in ('set_title', 'suptitle'): titles += strings(call)
        if name in ('set_xlabel', 'set_ylabel'): axes += strings(call)
        for k in call.keywords:
            if k.arg in ('title', 'titles'): titles += strings(k.value)
            if k.arg in ('xlabel', 'ylabel'): axes += strings(k.value)
    words = ([*dict.fromkeys(s for s in o if re.search(r'\w', s))] for o in (titles, axes))
    return next((drawn[k] for k in drawn if k in names), 'a picture'), *words

def alt(source, text, heading, caption=''):
    "What a picture is, in words: the `heading` above, what its code draws, its titles and axes, else the last sentence of the `text` before it if that speaks of it; the `caption` where the code tells nothing"
    what, titles, axes = labels(source)
    if what == 'a picture' and caption: return caption
    said = '; '.join(filter(None, (what, titles and 'titles: ' + ', '.join(titles), axes and 'axes: ' + ', '.join(axes))))
    last = re.split(r'(?<=[.:?!])\s+(?=[A-Z"“(])', plain(text))[-1]
    told = re.search(r':$|(?i:\b(picture|curve|colour|drawn?|shows?|dark|bright)\b)', last) and not last.endswith('?')
    last = last[1:].rstrip(':.)') if last.startswith('(') else last.rstrip(':.')
    tail = f' {last}.' if told and not (titles or axes) else ''
    return f'{plain(heading).rstrip(".:?!")}: {said}.{tail}' if heading else f'{said[0].upper()}{said[1:]}.{tail}'

draws_pictures = re.compile(r'\b(imshow|show\w*|overlay|colorize|draw_scene|studio|studio_\w+|\w+Explorer|\w*gallery\w*|\w*contourf|plot_imbalance)\(')   # the last two colour by class or by value

def mostly_white(png):
    "Is at least half of a picture white, as the ground of curves and bars is?"
    with Image.open(BytesIO(b64decode(png))) as im: seen = im.convert('L').resize((200, 100), Image.Resampling.NEAREST).histogram()
    return sum(seen[250:]) >= .5*sum(seen)

def is_plot(cell, does):
    "Does `cell` draw curves, bars or boxes alone, which a dark page may turn dark? A frame or a mask keeps its colours. `does` is its code with the functions that it calls"
    pngs = [o.data['image/png'] for o in cell.outputs if 'image/png' in (o.get('data') or {})]
    return bool(pngs) and not draws_pictures.search(re.sub(r'\bplt\.show\(', '', does)) and all(map(mostly_white, pngs))

def describe(cells, does):
    "Give each cell with a picture words from its code and what stands before it, and its caption below; `does(source)` is code with the functions that it calls"
    text, heading = '', ''
    for c in cells:
        if c.cell_type == 'markdown':
            found = re.findall(r'^#+ +(.+?) *$', c.source, re.M)
            heading, text = (found[-1], c.source) if found else (heading, c.source if plain(c.source) else text)
        elif c.cell_type == 'code':
            shown, caption = c.metadata.setdefault('mystnb', {}), c.directives_.get('fig-cap', '').strip('"')
            if caption: shown['figure'] = dict(caption=caption)
            if has_picture(c): shown['image'] = dict(alt=alt(c.source, text, heading, caption))
            if is_plot(c, does(c.source)): shown['image']['classes'] = 'plot'

# ---- pages, after Sphinx ----

def size(path):
    "Width and height, in pixels of a page, of the picture at `path`; one of 200 pixels an inch is shown at half its pixels, sharp on good screens"
    with Image.open(path) as im: dpi = im.info.get('dpi', (100, 100))[0]
    return tuple(round(n*min(1, 100/dpi) if dpi > 150 else n) for n in im.size)

def sized(body, pictures):
    "Give each `<img>` of `body` its size, so that the text does not jump when it comes; `pictures` are paths by name"
    def one(m):
        path = pictures.get(m[2].rpartition('/')[2])
        if not path or path.suffix == '.svg' or ' width=' in m[0]: return m[0]
        w, h = size(path)
        return f'{m[1]} width="{w}" height="{h}"{m[3]}'
    return re.sub(r'(<img[^>]*? src="([^"]+)")([^>]*>)', one, body)

def captioned(body):
    "MyST-NB makes a figure of each output of a cell that has a caption: it belongs below the last picture alone"
    figures = list(re.finditer(r'<figure class="align-default"[^>]*>\n(.*?)<figcaption>\n(.*?)</figcaption>\n</figure>', body, re.S))
    said = [re.sub('<a class="headerlink".*?</a>', '', m[2]) if '<img ' in m[1] else None for m in figures]
    for i, m in reversed([*enumerate(figures)]):
        if said[i] is None or said[i] in said[i+1:]: body = body[:m.start()] + m[1] + body[m.end():]
    return body

def headed(body):
    "An empty cell in the head of a table heads nothing: it is no `<th>`, and a head of such cells is none"
    body = re.sub(r'<thead>\s*<tr[^>]*>(?:\s*<th[^>]*>\s*(?:<p>\s*</p>)?\s*</th>)+\s*</tr>\s*</thead>', '', body)
    return re.sub(r'<th([^>]*)>(\s*)</th>', r'<td\1>\2</td>', body)

def listed(body):
    "The lines of a long signature are a list of definitions to Sphinx, without a term: to a reader they are lines"
    return re.sub(r'<dl>(?=\s*<dd)', '<dl role="presentation">', body)

def finish(app, pagename, templatename, context, doctree):
    "Sphinx's html-page-context"
    if 'body' in context:
        pictures = {name: Path(app.srcdir, path) for path, name in app.builder.images.items()}
        context['body'] = listed(headed(captioned(sized(context['body'], pictures))))
    if 'furo_navigation_tree' in context:
        context['furo_navigation_tree'] = context['furo_navigation_tree'].replace('role="heading"', 'role="heading" aria-level="2"')

def setup(app):
    app.connect('html-page-context', finish, priority=900)      # after the theme's
    app.add_js_file('regions.js', loading_method='defer')
    return dict(parallel_read_safe=True, parallel_write_safe=True)
