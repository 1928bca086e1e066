// A frame and its mask under every geometry that Python made; light by the package's own table
(() => {
'use strict'
const {Element, define, h, slider, checkbox, button, canvas, picture, values} = window.camvidTouch

class Augment extends Element {
  static label = 'Augmentation of a frame and its mask'
  static css = `figure { margin: 0; } figcaption { color: var(--muted); margin-bottom: 3px; } canvas { width: 100%; image-rendering: pixelated; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 14px; }
.controls { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 240px), 1fr)); gap: 4px 20px; }
.controls label { display: grid; grid-template-columns: 84px 1fr 52px; } .controls output { white-space: nowrap; } .controls input { width: 100%; }
@media (max-width: 480px) { .pictures figure:first-child { grid-column: 1 / -1; } }`

  async build(data) {
    const {places, lights, width, height} = data
    const [sprite, masks] = await Promise.all([picture(data.frames), values(data.masks)])
    Object.assign(this, {data, sprite, masks, mirror: false, over: false, at: {}})
    const words = {rotate: 'Rotation', zoom: 'Zoom', warp: 'Perspective', brightness: 'Brightness', contrast: 'Contrast'}
    const units = {rotate: v => v + '°', zoom: v => '× ' + v}, all = {...places, ...lights}
    this.sliders = Object.keys(all).map(k => {
      this.at[k] = k === 'zoom' ? 0 : all[k].length >> 1
      return slider(words[k], 0, all[k].length - 1, 1, this.at[k], i => { this.at[k] = i; this.show() }, i => (units[k] || String)(all[k][i]))
    })
    this.neutral = {...this.at}
    this.flip = checkbox('Mirror', false, on => { this.mirror = on; this.show() })
    const over = checkbox('Mask over the frame', false, on => { this.over = on; this.show() })
    this.frame = canvas(width, height, '')
    this.mask = canvas(width, height, '')
    const before = canvas(width, height, 'The frame as it is')
    before.getContext('2d').drawImage(...this.tile(this.place({...this.neutral})))
    const figure = (text, node) => h('figure', {}, h('figcaption', {}, text), node)
    this.box.append(h('h3', {}, 'What may happen to a frame, and what its mask does'),
      h('div', {className: 'controls'}, ...this.sliders), h('div', {className: 'row'}, this.flip, over, button('Reset', () => this.reset())),
      h('div', {className: 'pictures'}, figure('Before', before), figure('The frame, changed', this.frame), figure('Its mask, changed', this.mask)), this.line)
    this.show()
  }

  reset() {
    this.mirror = false
    this.flip.set(false)
    Object.assign(this.at, this.neutral)
    Object.keys(this.at).forEach((k, i) => this.sliders[i].set(this.at[k]))
    this.show()
  }
  // which of Python's pictures: a mirrored one is that of the opposite rotation
  place({rotate, zoom, warp}, mirror = false) {
    const {places: p} = this.data, r = mirror ? p.rotate.length - 1 - rotate : rotate
    return (r*p.zoom.length + zoom)*p.warp.length + warp
  }
  tile(i) { const {width: w, height: t} = this.data; return [this.sprite, 0, i*t, w, t, 0, 0, w, t] }
  ids(i, mirror) {
    const {width: w, height: t} = this.data, part = this.masks.subarray(i*w*t, (i + 1)*w*t)
    return mirror ? part.map((_, k) => part[k - k % w + w - 1 - k % w]) : part
  }

  show() {
    const {width: w, height: t, colors, tables, places, lights} = this.data, {at, mirror} = this
    const i = this.place(at, mirror), ids = this.ids(i, mirror), g = this.frame.getContext('2d', {willReadFrequently: true})
    g.setTransform(mirror ? -1 : 1, 0, 0, 1, mirror ? w : 0, 0)
    g.drawImage(...this.tile(i))
    const frame = g.getImageData(0, 0, w, t), table = tables[at.brightness][at.contrast]
    const mask = this.mask.getContext('2d'), painted = mask.createImageData(w, t)
    ids.forEach((id, k) => {
      painted.data.set([...colors[id], 255], 4*k)
      for (let c = 0; c < 3; c++) {
        const lit = table[frame.data[4*k + c]]
        frame.data[4*k + c] = this.over ? (lit + colors[id][c])/2 : lit
      }
    })
    g.putImageData(frame, 0, 0)
    mask.putImageData(painted, 0, 0)
    const old = this.ids(this.place(this.neutral)), moved = ids.reduce((n, id, k) => n + (id !== old[k]), 0)/ids.length
    const value = k => (places[k] || lights[k])[at[k]]
    const lit = at.brightness !== this.neutral.brightness || at.contrast !== this.neutral.contrast
    const done = [value('rotate') && `turned by ${value('rotate')}°`, value('zoom') !== 1 && `enlarged ${value('zoom')} times`,
                  value('warp') && `tilted by ${value('warp')}`, mirror && 'mirrored'].filter(Boolean)
    const how = done.length ? done.join(', ') : 'not moved'
    this.frame.setAttribute('aria-label', `The frame, ${how}${lit ? ', in another light' : ''}`)
    this.mask.setAttribute('aria-label', `The mask, ${how}`)
    this.say(`Frame and mask are ${how}: ${(100*moved).toFixed(0)} % of the mask's pixels have another class than before.`
      + (lit ? ' The light changes the frame only.' : ''))
  }
}
define('camvid-augment', Augment)
})()
