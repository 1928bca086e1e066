// IoU brush: paint one class over a frame, and see what each metric makes of it
(() => {
'use strict'
const {Element, define, h} = window.camvidTouch
const reach = 3                          // pixels within which a border counts as found
const disc = []
for (let y = -reach; y <= reach; y++) for (let x = -reach; x <= reach; x++) if (x*x + y*y <= reach*reach) disc.push([x, y])
const percent = v => Number.isNaN(v) ? '–' : (100*v).toFixed(1) + '\u00a0%'
const names = [
  ['accuracy', 'Accuracy', 'labelled pixels that are right, this class or not'],
  ['iou', 'IoU', 'pixels in both, divided by pixels in either'],
  ['dice', 'Dice', 'twice the pixels in both, divided by the sum of the two'],
  ['border', 'Boundary F1', `outlines found and outlines right, ${reach} pixels away or less`]]

// Pixels of the class with a neighbour of another class; Void (2) makes no border
function border(ids, w, height) {
  const out = new Uint8Array(ids.length)
  const pair = (a, b) => { if (ids[a] !== ids[b] && ids[a] < 2 && ids[b] < 2) out[ids[a] === 1 ? a : b] = 1 }
  for (let y = 0; y < height; y++) for (let x = 0, i = y*w; x < w; x++, i++) {
    if (x + 1 < w) pair(i, i + 1)
    if (y + 1 < height) pair(i, i + w)
  }
  return out
}
// How many pixels of one outline there are, and how many have one of the other near
function found(mine, other, w, height) {
  let every = 0, near = 0
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < w; x++, i++) {
    if (!mine[i]) continue
    every++
    near += disc.some(([dx, dy]) => x + dx >= 0 && x + dx < w && y + dy >= 0 && y + dy < height && other[i + dy*w + dx])
  }
  return [every, near]
}
// truth: 1 the class, 0 the rest, 2 Void; painted: 1 or 0
function figures(truth, painted, w, height) {
  let tp = 0, fp = 0, fn = 0, tn = 0
  const ids = painted.map((p, i) => truth[i] === 2 ? 2 : p)
  for (let i = 0; i < truth.length; i++) {
    if (truth[i] === 2) continue
    if (truth[i]) ids[i] ? tp++ : fn++
    else ids[i] ? fp++ : tn++
  }
  const a = border(truth, w, height), b = border(ids, w, height)
  const [outline, hit] = found(a, b, w, height), [drawn, right] = found(b, a, w, height)
  const recall = hit/outline, precision = right/drawn
  return {accuracy: (tp + tn)/(tp + tn + fp + fn), iou: tp/(tp + fp + fn), dice: 2*tp/(2*tp + fp + fn),
    border: outline && !hit ? 0 : 2*precision*recall/(precision + recall)}
}

class Brush extends Element {
  static label = 'IoU brush'
  static css = `
    canvas { width: 100%; max-width: 720px; touch-action: pinch-zoom; }
    dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(125px, 1fr)); gap: 10px; margin: 0; }
    dl div { background: var(--panel); border-radius: 8px; padding: 8px 10px; display: grid; gap: 4px; align-content: start; }
    dt { font-weight: 600; } dd { margin: 0; }
    .value { font-size: 20px; font-variant-numeric: tabular-nums; } .what { font-size: 12px; color: var(--muted); }
    .bar { height: 6px; border-radius: 3px; background: var(--soft); overflow: hidden; }
    .bar i { display: block; height: 100%; width: 0; background: var(--accent); }`

  async build(data) {
    const {width, height, classes} = this.data = data
    Object.assign(this, {size: data.brush, erase: false, work: new Map()})
    const k = this.k = Math.max(1, Math.round(720/width))
    this.view = this.canvas(width*k, height*k, 'Frame to paint on. Arrow keys move the brush, Enter paints.')
    this.at = this.grid(this.view, width, height, {
      move: (x, y, how) => {
        const pen = how === 'key' && this.pen.input.checked
        if (pen && !this.inStroke) { this.remember(); this.inStroke = true }
        if (pen || how === 'drag') this.stroke(x, y)
        else if (how === 'key') this.where()
        this.draw()
      },
      act: (x, y) => { this.remember(); this.last = null; this.stroke(x, y); this.update() },
      done: () => this.tell()})
    this.view.addEventListener('keyup', () => { if (this.inStroke) { this.inStroke = false; this.tell() } })
    this.pen = this.checkbox('arrow keys paint', false, () => { this.last = null })
    this.undoer = this.button('Undo', () => this.undo())
    this.meters = {}
    this.list = h('dl', {}, ...names.map(([key, name, what]) => {
      const bar = h('i'), value = h('dd', {className: 'value'})
      this.meters[key] = v => { value.textContent = percent(v); bar.style.width = 100*(v || 0) + '%' }
      return h('div', {}, h('dt', {}, name), value, h('dd', {className: 'bar', 'aria-hidden': 'true'}, bar), h('dd', {className: 'what'}, what))
    }))
    this.box.append(
      h('div', {className: 'row'},
        this.select('class', classes.map(c => [c.id, c.name]), data.start, id => this.choose(+id)),
        this.slider('brush', 1, data.most, 1, data.brush, v => { this.size = v; this.draw() }, v => v + ' px'),
        this.choice('What the brush does', [['paint', 'Paint'], ['erase', 'Erase']], 'paint', v => { this.erase = v === 'erase' }),
        this.undoer, this.button('Reset', () => { this.remember(); this.painted.fill(0); this.update(); this.tell() }), this.pen),
      this.view, this.line, this.list)
    const c = h('canvas', {width, height})
    ;[this.photo, this.ids] = await Promise.all([this.picture(data.image), this.values(data.truth)])
    this.layer = c
    this.choose(data.start)
    new ResizeObserver(() => this.draw()).observe(this.view)
  }

  choose(id) {
    const {width, height} = this.data, of = this.data.classes.find(c => c.id === id)
    if (!this.work.has(id)) this.work.set(id, {painted: new Uint8Array(width*height), past: []})
    this.name = of.name; this.rgb = [1, 3, 5].map(i => parseInt(of.color.slice(i, i + 2), 16))
    ;({painted: this.painted, past: this.past} = this.work.get(id))
    this.truth = this.ids.map(t => t === this.data.void ? 2 : +(t === id))
    this.outline = this.edges()
    this.last = null
    this.update(); this.tell()
  }

  // Lines between the pixels of the class and the others
  edges() {
    const {width, height} = this.data, k = this.k, path = new Path2D(), is = (x, y) => this.truth[y*width + x] === 1
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      if (x && is(x, y) !== is(x - 1, y)) { path.moveTo(x*k, y*k); path.lineTo(x*k, (y + 1)*k) }
      if (y && is(x, y) !== is(x, y - 1)) { path.moveTo(x*k, y*k); path.lineTo((x + 1)*k, y*k) }
    }
    return path
  }

  remember() { this.past.push(this.painted.slice()); if (this.past.length > 60) this.past.shift() }
  undo() {
    if (!this.past.length) return
    this.painted.set(this.past.pop())
    this.update(); this.tell()
  }

  stroke(x, y) {
    const [x0, y0] = this.last || [x, y], n = Math.max(Math.abs(x - x0), Math.abs(y - y0), 1)
    for (let i = 0; i <= n; i++) this.dab(Math.round(x0 + (x - x0)*i/n), Math.round(y0 + (y - y0)*i/n))
    this.last = [x, y]
    this.update()
  }
  dab(x, y) {
    const {width, height} = this.data, r = this.size/2, n = Math.floor(r)
    for (let dy = -n; dy <= n; dy++) for (let dx = -n; dx <= n; dx++) {
      const u = x + dx, v = y + dy
      if (dx*dx + dy*dy <= r*r && u >= 0 && u < width && v >= 0 && v < height) this.painted[v*width + u] = +!this.erase
    }
  }

  update() {
    this.figures = figures(this.truth, this.painted, this.data.width, this.data.height)
    for (const [key] of names) this.meters[key](this.figures[key])
    this.undoer.disabled = !this.past.length
    this.draw()
  }

  draw() {
    if (!this.truth) return
    const {width, height} = this.data, g = this.view.getContext('2d'), W = this.view.width, H = this.view.height
    const paint = new ImageData(width, height)
    this.painted.forEach((p, i) => { if (p) paint.data.set([...this.rgb, 190], 4*i) })
    this.layer.getContext('2d').putImageData(paint, 0, 0)
    g.imageSmoothingEnabled = false
    g.drawImage(this.photo, 0, 0, W, H)
    g.drawImage(this.layer, 0, 0, W, H)
    const ring = new Path2D(), s = W/(this.view.clientWidth || W)
    ring.arc((this.at.x + .5)*this.k, (this.at.y + .5)*this.k, this.size*this.k/2 + 1, 0, 7)
    for (const [color, wide] of [['#000', 3.5], ['#ffe45c', 1.5]]) { g.strokeStyle = color; g.lineWidth = wide*s; g.stroke(this.outline) }
    for (const [color, wide] of [['#000', 4], ['#fff', 2]]) { g.strokeStyle = color; g.lineWidth = wide*s; g.stroke(ring) }
  }

  where() {
    const {x, y} = this.at, i = y*this.data.width + x, t = this.truth[i]
    this.say(`Row ${y}, column ${x}: ${t === 2 ? 'Void, not counted' : t ? `inside ${this.name}` : `not ${this.name}`}, ${this.painted[i] ? 'painted' : 'not painted'}.`)
  }
  tell() {
    this.say(`${this.name}: ` + names.map(([key, name]) => `${name} ${percent(this.figures[key])}`).join(', ') + '.')
  }
}
define('camvid-brush', Brush)
})()
