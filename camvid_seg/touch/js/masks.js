// Mask explorer: truth, prediction and error of some frames, side by side under a line that moves
(() => {
'use strict'
const {Element, define, h} = window.camvidTouch
const views = [['truth', 'truth'], ['predicted', 'prediction'], ['error', 'error']]
const percent = v => Math.round(100*v) + ' %'
const rgb = hex => [1, 3, 5].map(i => parseInt(hex.slice(i, i + 2), 16))

class Masks extends Element {
  static label = 'Mask explorer'
  static css = `
    canvas { width: 100%; max-width: 720px; touch-action: pan-y; }
    ul { columns: 200px; column-gap: 28px; list-style: none; margin: 0; padding: 0; }
    li { display: flex; align-items: baseline; gap: 2px; break-inside: avoid; }
    li .muted { margin-left: auto; white-space: nowrap; }
    summary { cursor: pointer; padding: 4px 0; } .classes { display: grid; gap: 4px; }`

  async build(data) {
    this.data = data
    this.colors = data.colors.map(rgb)
    Object.assign(this, {opacity: .6, swipe: .5, left: 'truth', right: 'predicted', i: 0})
    const {width, height} = data, k = Math.max(1, Math.round(720/width))
    this.view = this.canvas(width*k, height*k, 'Frame with masks. Arrow keys move the cursor.')
    this.at = this.grid(this.view, width, height, {
      move: (x, y, how) => how === 'drag' ? this.slide(x) : this.read(how === 'key'),
      act: (x, y, how) => how === 'press' ? this.slide(x) : this.read(true)})
    this.view.addEventListener('blur', () => { this.keys = false; this.draw() })
    this.swiper = this.slider('line', 0, 100, 1, 50, v => { this.swipe = v/100; this.draw() }, v => v + ' %')
    const redraw = key => v => { this[key] = v; this.draw() }
    this.legend = h('div', {className: 'classes'})
    this.box.append(
      h('div', {className: 'row controls'},
        this.select('frame', data.frames.map((f, i) => [i, f.name]), 0, i => this.show(+i)),
        this.select('left', views, this.left, redraw('left')),
        this.select('right', views, this.right, redraw('right')),
        this.swiper,
        this.slider('opacity', 0, 100, 5, 60, v => { this.opacity = v/100; this.draw() }, v => v + ' %')),
      this.view, this.line, this.legend)
    await this.show(0)
    new ResizeObserver(() => this.draw()).observe(this.view)
  }

  async show(i) {
    const f = this.data.frames[i]
    const [image, ...ids] = await Promise.all([this.picture(f.image), ...[f.truth, f.predicted, f.confidence].map(this.values)])
    const {width, height} = this.data, c = h('canvas', {width, height})
    c.getContext('2d').drawImage(image, 0, 0)
    this.photo = c.getContext('2d').getImageData(0, 0, width, height).data
    ;[this.truth, this.predicted, this.confidence] = ids
    this.i = i; this.keys = false
    this.list(); this.draw()
    const {right, of} = this.count()
    this.say(`${f.name}: ${percent(right/of)} of the labelled pixels are right. Point at the picture, or move the cursor in it with the arrow keys.`)
  }

  count() {
    let right = 0, of = 0
    this.truth.forEach((t, i) => { if (t !== this.data.void) { of++; right += t === this.predicted[i] } })
    return {right, of}
  }

  list() {
    const n = new Map(), {codes, colors} = this.data
    for (const [ids, place] of [[this.truth, 0], [this.predicted, 1]])
      for (const t of ids) { if (!n.has(t)) n.set(t, [0, 0]); n.get(t)[place]++ }
    const share = v => v && v/this.truth.length < .005 ? '< 1' : Math.round(100*v/this.truth.length)
    const rows = [...n].sort((a, b) => b[1][0] - a[1][0] || b[1][1] - a[1][1])
    const list = rows => h('ul', {}, ...rows.map(([t, [a, b]]) => h('li', {}, this.swatch(colors[t]), codes[t],
      h('span', {className: 'muted'}, `${share(a)} / ${share(b)} %`))))
    const large = ([, [a, b]]) => Math.max(a, b) >= this.truth.length/100
    const small = rows.filter(o => !large(o))
    this.legend.replaceChildren(h('p', {className: 'muted'}, 'Share of the truth / of the prediction'), list(rows.filter(large)))
    if (small.length) this.legend.append(h('details', {}, h('summary', {}, `${small.length} smaller classes`), list(small)))
  }

  swatch(color) {
    const s = h('span', {className: 'swatch', 'aria-hidden': 'true'})
    s.style.background = color
    return s
  }

  // Colours of one view, as a picture of width x height
  paint(view) {
    const {width, height} = this.data, out = new ImageData(width, height), o = out.data, a = this.opacity
    for (let i = 0; i < width*height; i++) {
      const p = [this.photo[4*i], this.photo[4*i+1], this.photo[4*i+2]]
      let c, base = p
      if (view === 'error') {
        const grey = .5*(.3*p[0] + .6*p[1] + .1*p[2]) + 110
        base = [grey, grey, grey]
        c = this.truth[i] === this.data.void ? [60, 60, 60] : this.truth[i] === this.predicted[i] ? base : [214, 0, 90]
      } else c = this.colors[this[view][i]]
      for (let j = 0; j < 3; j++) o[4*i+j] = base[j] + a*(c[j] - base[j])
      o[4*i+3] = 255
    }
    const c = h('canvas', {width, height})
    c.getContext('2d').putImageData(out, 0, 0)
    return c
  }

  draw() {
    if (!this.photo) return
    const g = this.view.getContext('2d'), W = this.view.width, H = this.view.height, x = this.swipe*W
    const k = W/this.data.width
    g.imageSmoothingEnabled = false
    g.drawImage(this.paint(this.left), 0, 0, W, H)
    g.save()
    g.beginPath(); g.rect(x, 0, W - x, H); g.clip()
    g.drawImage(this.paint(this.right), 0, 0, W, H)
    g.restore()
    for (const [color, wide] of [['#000', 5], ['#fff', 2]]) {
      g.strokeStyle = color; g.lineWidth = wide
      g.beginPath(); g.moveTo(x, 0); g.lineTo(x, H); g.stroke()
      if (this.keys) g.strokeRect(this.at.x*k - 3, this.at.y*k - 3, k + 6, k + 6)
    }
    const name = key => views.find(v => v[0] === key)[1]
    this.tag(g, name(this.left), x, -1)
    this.tag(g, name(this.right), x, 1)
  }

  // What stands on one side of the line, in letters of 13 CSS pixels
  tag(g, text, x, side) {
    const s = this.view.width/(this.view.clientWidth || this.view.width)
    g.font = `600 ${13*s}px system-ui, sans-serif`
    g.textBaseline = 'middle'
    const w = g.measureText(text).width + 12*s, left = side < 0 ? x - w - 8*s : x + 8*s
    if (left < 0 || left + w > this.view.width) return
    g.fillStyle = 'rgba(0, 0, 0, .72)'; g.fillRect(left, 8*s, w, 22*s)
    g.fillStyle = '#fff'; g.fillText(text, left + 6*s, 19.5*s)
  }

  slide(x) {
    this.swipe = (x + .5)/this.data.width
    this.swiper.set(Math.round(100*this.swipe))
    this.draw()
  }

  read(keys) {
    const {codes, colors, width} = this.data, {x, y} = this.at, i = y*width + x
    const t = this.truth[i], p = this.predicted[i]
    const verdict = t === this.data.void ? 'not counted' : t === p ? 'right' : 'wrong'
    this.line.replaceChildren(`Row ${y}, column ${x}: truth `, this.swatch(colors[t]), `${codes[t]}, prediction `,
      this.swatch(colors[p]), `${codes[p]}, confidence ${this.confidence[i]} %: ${verdict}.`)
    if (keys || this.keys) { this.keys = keys; this.draw() }
  }
}
define('camvid-masks', Masks)
})()
