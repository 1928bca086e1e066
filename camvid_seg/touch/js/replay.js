// One frame's mask after each epoch beside the curves; a slider, and a play button that starts on request only
(() => {
'use strict'
const {Element, define, h, slider, button, canvas, chart, picture, values} = window.camvidTouch
const percent = v => (100*v).toFixed(1) + ' %'

class Replay extends Element {
  static label = 'Training replay'
  static css = `figure { margin: 0; } figcaption { color: var(--muted); margin-bottom: 3px; } canvas { width: 100%; image-rendering: pixelated; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 14px; }
input[type=range] { width: 220px; } label { white-space: nowrap; } .row button { min-width: 76px; } .legend { gap: 4px 14px; }
.second { stroke-dasharray: 5 4; } .key { display: inline-block; width: 22px; border-top: 2px solid var(--accent); vertical-align: 3px; margin: 0 4px 0 10px; }
.key.second { border-top-style: dashed; } .key:first-child { margin-left: 0; } @media (max-width: 480px) { input[type=range] { width: 120px; } .pictures figure:first-child { grid-column: 1 / -1; } }`

  async build(data) {
    const [image, truth, ...masks] = await Promise.all([picture(data.image), values(data.truth), ...data.masks.map(values)])
    const n = data.epochs.length, {width, height} = data
    Object.assign(this, {data, truth, masks, at: n - 1, timer: 0})
    const made = (label, draw) => { const c = canvas(width, height, label); draw(c.getContext('2d')); return c }
    const frame = made('The frame', g => g.drawImage(image, 0, 0, width, height))
    const right = made('The true mask', g => this.paint(g, truth))
    this.mask = canvas(width, height, '')
    this.slider = slider('Epoch', 1, n, 1, n, e => { this.stop(); this.at = e - 1; this.show() }, e => `${e} of ${n}`)
    this.play = button('Play', () => this.timer ? this.stop() : this.start_playing())
    this.play.disabled = n < 2
    const figure = (text, node) => h('figure', {}, h('figcaption', {}, text), node)
    const present = [...new Set(truth)].map(id => [id, truth.filter(v => v === id).length]).sort((a, b) => b[1] - a[1]).slice(0, 8)
    const legend = h('div', {className: 'row legend'}, ...present.map(([id]) => {
      const swatch = h('span', {className: 'swatch'})
      swatch.style.background = `rgb(${data.colors[id]})`
      return h('span', {}, swatch, data.codes[id])
    }))
    const losses = ['train_loss', 'valid_loss'], metrics = Object.keys(data.epochs[0]).filter(k => !losses.includes(k)).slice(0, 2)
    const high = Math.max(...losses.flatMap(k => data.epochs.map(e => e[k] ?? 0)))
    const axes = {x: [1, Math.max(2, n)], xName: 'epoch', height: 160, xFormat: v => Number.isInteger(v) ? String(v) : ''}
    this.charts = [[losses, chart({...axes, y: [0, high*1.05]})]]
    if (metrics.length) this.charts.push([metrics, chart({...axes, y: [0, 1]})])
    const key = names => h('span', {}, ...names.flatMap((k, i) => [h('span', {className: `key ${i ? 'second' : ''}`}), k.replace('_', ' ')]))
    this.box.append(h('h3', {}, 'What the network learned, epoch by epoch'), h('div', {className: 'row'}, this.play, this.slider),
      h('div', {className: 'pictures'}, figure('Frame', frame), figure('Prediction', this.mask), figure('Truth', right)), legend, this.line,
      h('div', {className: 'columns'}, ...this.charts.map(([names, c]) => figure(key(names), c))))
    this.show()
  }
  disconnectedCallback() { super.disconnectedCallback(); this.stop() }

  paint(g, ids) {
    const pixels = g.createImageData(this.data.width, this.data.height)
    ids.forEach((id, i) => pixels.data.set([...this.data.colors[id], 255], 4*i))
    g.putImageData(pixels, 0, 0)
  }
  start_playing() {
    if (this.at === this.masks.length - 1) this.at = -1
    const step = () => {
      this.at++
      this.show()
      if (this.at === this.masks.length - 1) this.stop()
    }
    this.play.textContent = 'Pause'
    this.timer = setInterval(step, 900)
    step()
  }
  stop() {
    clearInterval(this.timer)
    this.timer = 0
    if (this.play) this.play.textContent = 'Play'
  }

  show() {
    const {data, at, truth} = this, ids = this.masks[at], epoch = data.epochs[at]
    this.paint(this.mask.getContext('2d'), ids)
    let right = 0, all = 0
    ids.forEach((id, i) => { if (truth[i] !== data.void) { all++; right += id === truth[i] } })
    const text = `${percent(right/all)} of the pixels of this frame`
    this.mask.setAttribute('aria-label', `The prediction after epoch ${at + 1}: ${text} are right`)
    this.slider.set(at + 1)
    for (const [names, c] of this.charts) {
      const lines = names.map((k, i) => ({points: data.epochs.map((e, j) => [j + 1, e[k] ?? NaN]), kind: i ? 'second' : ''}))
      c.show(lines, names.filter(k => epoch[k] !== null).map(k => ({x: at + 1, y: epoch[k]})),
        names.map(k => `${k.replace('_', ' ')} by epoch: ${data.epochs.map(e => e[k] ?? 'no number').join(', ')}`).join('; '))
    }
    const figures = Object.entries(epoch).map(([k, v]) => `${k.replace('_', ' ')} ${v === null ? 'no number' : v.toFixed(3)}`).join(', ')
    this.say(`After epoch ${at + 1} of ${data.epochs.length}: ${text} are right. Of the whole epoch: ${figures}.`)
  }
}
define('camvid-replay', Replay)
})()
