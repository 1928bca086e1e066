// U-Net explorer: from a pixel of the output back to the image, level by level, with bridges to switch off
(() => {
'use strict'
const {Element, define, h} = window.camvidTouch
const bridges = ['1/2', '1/4', '1/8', '1/16']
const rgb = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16))
const number = v => v < 10 ? v.toFixed(1) : String(Math.round(v))
const last = 9

class Unet extends Element {
  static label = 'U-Net explorer'
  static css = `
    figure { margin: 0; display: grid; gap: 6px; } figcaption { color: var(--muted); }
    canvas { width: 100%; image-rendering: pixelated; touch-action: pan-y; }
    .wrap { container-type: inline-size; }
    .u { display: grid; grid-template: auto auto auto / repeat(6, minmax(0, 1fr)); grid-auto-flow: column; gap: 8px; }
    .u button, .u .card { display: grid; gap: 1px; align-content: start; padding: 7px; text-align: left; font-size: 12px; line-height: 1.35;
      border: 1px solid var(--soft); border-radius: 8px; background: var(--panel); overflow-wrap: anywhere; }
    .u button[aria-pressed=true] { background: var(--accent); border-color: var(--accent); }
    .u b { font-weight: 600; } .u canvas { margin-bottom: 3px; border-radius: 3px; }
    .u .deep { grid-row: span 3; } .u .bridge { justify-content: center; font-size: 12px; gap: 6px; }
    @container (max-width: 560px) {
      .u { grid-template: none / repeat(2, minmax(0, 1fr)); grid-auto-flow: row dense; }
      .u .bridge { grid-column: 1 / -1; justify-content: start; margin-bottom: 6px; } .u .deep { grid-row: auto; } .u .gap { display: none; } }`

  async build(data) {
    this.data = data
    const {width, height, levels} = data, k = this.k = Math.max(1, Math.round(480/width))
    Object.assign(this, {x: this.middle(width/2), y: this.middle(.6*height), level: last, off: 0})
    this.colors = data.colors.map(rgb)
    this.photoView = this.canvas(width*k, height*k, 'The image, with what the chosen level sees of it')
    this.view = this.canvas(width*k, height*k, 'The output of the network. Arrow keys choose a pixel.')
    const pick = (x, y) => { this.x = x; this.y = y; this.update() }
    this.at = this.grid(this.view, width, height, {x: this.x, y: this.y,
      move: (x, y, how) => { if (how !== 'hover') pick(x, y) }, act: pick})
    this.photoCaption = h('figcaption'); this.caption = h('figcaption')
    this.cards = levels.map((l, i) => this.card(l, i))
    this.box.append(
      h('div', {className: 'columns'}, h('figure', {}, this.photoView, this.photoCaption), h('figure', {}, this.view, this.caption)),
      this.line, h('div', {className: 'wrap'}, this.shape()))
    const [photo, looks, ...rest] = await Promise.all([this.picture(data.image), this.values(data.looks),
      ...data.answers.map(this.values), ...levels.map(l => this.picture(l.map))])
    Object.assign(this, {photo, looks, answers: rest.slice(0, 16), maps: rest.slice(16)})
    this.update()
  }

  card({name, scale, shape, mflop, bytes}, i) {
    const map = this.canvas(this.data.width, this.data.height, '')
    map.setAttribute('aria-hidden', 'true')
    const part = i === last ? 'scores' : i < 5 ? 'encoder' : 'decoder'
    const button = this.button('', () => { this.level = i; this.update() })
    button.append(map, h('b', {}, `${part} ${i === last ? '1/2, enlarged' : '1/' + scale}`), h('span', {}, name),
      h('span', {}, shape.join(' × ')), h('span', {}, number(mflop) + ' MFLOP'), h('span', {}, number(bytes/1e3) + ' kB'))
    if (i === 4) button.className = 'deep'
    return Object.assign(button, {map, part})
  }

  // The U: a column for each scale, on top the encoder's map, below the decoder's, and the bridge between
  shape() {
    const {width, height} = this.data, cards = this.cards
    this.input = this.canvas(width, height, '')
    this.input.setAttribute('aria-hidden', 'true')
    const image = h('div', {className: 'card'}, this.input, h('b', {}, 'image'), h('span', {}, `3 × ${height} × ${width}`))
    const u = h('div', {className: 'u'}, image, h('div', {className: 'gap'}), cards[last])
    bridges.forEach((scale, i) => {
      const box = this.checkbox(`bridge ${scale}`, true, on => { this.off = on ? this.off & ~(1 << i) : this.off | 1 << i; this.update() })
      box.classList.add('bridge')
      u.append(cards[i], box, cards[8 - i])
    })
    u.append(cards[4])
    return u
  }

  // The pixel of the grid, in a row, whose gradient stands for the pixel v
  middle(v) { return (Math.floor(v/this.data.step) + .5)*this.data.step }

  // The stored gradient nearest to the pixel: its place in the grid
  nearest() {
    const {step, width, height} = this.data
    const place = (v, n) => Math.min(Math.floor(n/step) - 1, Math.floor(v/step))
    return [place(this.x, width), place(this.y, height)]
  }

  update() {
    const {levels, codes, width, height, half, step} = this.data, {x, y, off} = this
    const now = this.answers[off], open = this.answers[0], i = y*width + x, l = levels[this.level]
    this.cards.forEach((c, j) => c.setAttribute('aria-pressed', j === this.level))
    const [top, bottom] = l.rows[y], [left, right] = l.columns[x]
    const field = `${bottom - top + 1} × ${right - left + 1} of ${height} × ${width} pixels`
    const closed = bridges.filter((_, j) => off >> j & 1)
    const changed = now.reduce((n, v, j) => n + (v !== open[j]), 0)/now.length
    const [u, v] = this.nearest(), far = half[v*Math.floor(width/step) + u]
    const heat = this.level === last && !off
    const name = this.level === last ? 'The output' : `${this.cards[this.level].part} 1/${l.scale} (${l.name})`
    this.photoCaption.textContent = heat ? 'The image: dashed, what the pixel can see; bright, what it looks at (measured at the point that is marked)' : 'The image: dashed, what the value can see'
    this.caption.textContent = closed.length ? `The output without the bridge${closed.length > 1 ? 's' : ''} at ${closed.join(', ')}` : 'The output, with all bridges'
    this.say(`Row ${y}, column ${x}: ${codes[now[i]]}${now[i] === open[i] ? '' : ` (with all bridges ${codes[open[i]]})`}. ` +
      `${name} can see ${field}.` + (heat ? ` Half of the gradient lies within ${far} pixels.` : '') +
      (closed.length ? ` Without ${closed.join(', ')}, ${Math.round(100*changed)} % of the pixels change.` : ''))
    this.draw(heat, [left, top, right - left + 1, bottom - top + 1])
  }

  draw(heat, box) {
    const {width, height, levels} = this.data, k = this.k
    const g = this.photoView.getContext('2d'), o = this.view.getContext('2d'), W = width*k, H = height*k
    g.imageSmoothingEnabled = true
    g.filter = heat ? 'grayscale(1) brightness(.6)' : 'none'
    g.drawImage(this.photo, 0, 0, W, H)
    g.filter = 'none'
    if (heat) g.drawImage(this.glow(), 0, 0, W, H)
    this.frame(g, ...box.map(v => v*k), true)
    const out = new ImageData(width, height)
    this.answers[this.off].forEach((v, i) => out.data.set([...this.colors[v], 255], 4*i))
    const c = h('canvas', {width, height})
    c.getContext('2d').putImageData(out, 0, 0)
    o.imageSmoothingEnabled = false
    o.drawImage(c, 0, 0, W, H)
    const [u, v] = this.nearest().map(n => heat ? (n + .5)*this.data.step : 0)
    this.frame(g, (heat ? u : this.x)*k - 3, (heat ? v : this.y)*k - 3, k + 6, k + 6)
    this.frame(o, this.x*k - 3, this.y*k - 3, k + 6, k + 6)
    this.input.getContext('2d').drawImage(this.photo, 0, 0)
    this.cards.forEach(({map}, i) => {
      const m = map.getContext('2d'), s = levels[i].scale
      m.imageSmoothingEnabled = false
      m.drawImage(this.maps[i], 0, 0, width, height)
      m.lineWidth = 1.5
      this.frame(m, Math.floor(this.x/s)*s - 1, Math.floor(this.y/s)*s - 1, s + 2, s + 2)
    })
  }

  frame(g, x, y, w, height, dashed = false) {
    g.save()
    for (const [color, wide] of [['#000', 4], ['#ffe45c', 2]]) {
      g.strokeStyle = color; g.lineWidth = g.canvas.width > this.data.width ? wide : wide/2
      if (dashed && wide === 2) g.setLineDash([8, 6])
      g.strokeRect(x + wide/2, y + wide/2, Math.max(1, w - wide), Math.max(1, height - wide))
    }
    g.restore()
  }

  // The gradient as light: from dark red to yellow
  glow() {
    const {width, height, pool, step} = this.data, w = width/pool, rows = height/pool, n = Math.floor(width/step)
    const [u, v] = this.nearest(), out = new ImageData(w, rows)
    for (let y = 0; y < rows; y++) for (let x = 0; x < w; x++) {
      const a = this.looks[(v*rows + y)*n*w + u*w + x]/255
      out.data.set([150 + 105*a, 20 + 205*a*a, 60, 235*a], 4*(y*w + x))
    }
    const c = h('canvas', {width: w, height: rows})
    c.getContext('2d').putImageData(out, 0, 0)
    return c
  }
}
define('camvid-unet', Unet)
})()
