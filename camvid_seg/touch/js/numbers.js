// Gradients on the number line of fp16; the slider moves them by the loss scale
(() => {
'use strict'
const {Element, define, h, svg, slider, select, plot} = window.camvidTouch
const left = -48, right = 24, fates = ['zero', 'few', 'kept', 'over']
const words = {zero: 'fall to zero', few: 'keep few digits', kept: 'keep all digits', over: 'are too large'}
const power = n => '2' + String(n).replace(/./g, c => '⁰¹²³⁴⁵⁶⁷⁸⁹'[c] || '⁻')
const whole = n => n.toLocaleString('en-US')
function share(n, all) {
  const p = 100*n/all
  if (!n || n === all) return n ? '100 %' : '0 %'
  return p < .1 ? '< 0.1 %' : p > 99.9 ? '> 99.9 %' : p.toFixed(1) + ' %'
}

class Numbers extends Element {
  static label = 'Gradients on a number line'
  static css = `:host { --zero: #c0272d; --few: #a65f00; --kept: #0b5cad; --over: #7a3d9e; }
:host([dark]) { --zero: #ff8a84; --few: #f2b04e; --kept: #77b7ff; --over: #cfa3f5; }
input[type=range] { width: 240px; } label > output { min-width: 10.5em; } label { white-space: nowrap; }
@media (max-width: 480px) { input[type=range] { width: 100px; } }
.zero { fill: var(--zero); } .few { fill: var(--few); } .kept { fill: var(--kept); } .over { fill: var(--over); }
.zone { opacity: .1; } .edge { stroke: var(--line); stroke-dasharray: 3 3; }
.range { fill: var(--kept); opacity: .3; } .range.few { fill: var(--few); }
.swatch { border: 0; }`

  build(data) {
    Object.assign(this, {data, series: data.series[0], scale: 0})
    const names = data.series.map((s, i) => [String(i), s.name])
    this.box.append(h('h3', {}, 'Which gradients does fp16 keep?'),
      h('div', {className: 'row'},
        select('Gradients of the', names, '0', i => { this.series = data.series[i]; this.show() }),
        slider('Loss scale', 0, data.scales.length - 1, 1, 0, s => { this.scale = s; this.show() },
               s => power(s) + ' = ' + whole(2**s))),
      this.plot = plot(w => this.draw(w)), this.table = h('table'), this.line)
    this.show()
  }

  // how many become zero, keep few digits, keep all, are too large
  counts(format) {
    const [zero, few, over] = this.series.fates[format][this.scale]
    return {zero, few, kept: this.series.n - zero - few - over, over}
  }

  show() {
    const formats = Object.keys(this.data.formats), of = formats.map(f => this.counts(f)), n = this.series.n
    this.table.replaceChildren(
      h('thead', {}, h('tr', {}, h('th', {scope: 'col'}, `of ${whole(n)}`), ...formats.map(f => h('th', {className: 'n', scope: 'col'}, f)))),
      h('tbody', {}, ...fates.map(k => {
        const swatch = h('span', {className: 'swatch'})
        swatch.style.background = `var(--${k})`
        return h('tr', {}, h('th', {scope: 'row'}, swatch, words[k]), ...of.map(c => h('td', {className: 'n'}, share(c[k], n))))
      })))
    const {zero, few, over} = of[0]
    this.say(`Loss scale ${whole(2**this.scale)}: in fp16 ${share(zero, n)} of the gradients fall to zero, `
      + `${share(few, n)} keep few digits, ${over ? whole(over) : 'none'} ${over === 1 ? 'is' : over ? 'are' : 'is'} too large`
      + (over ? ', so a training would skip this step.' : '.')
      + (this.series.zeros ? ` (${whole(this.series.zeros)} more are zero in any format.)` : ''))
    this.plot.draw()
  }

  draw(width) {
    const top = 26, bottom = 170, pad = 8, row = 24, x = p => pad + (Math.min(right, Math.max(left, p)) - left)/(right - left)*(width - 2*pad)
    const [least, normal, most] = this.data.formats.fp16, {counts} = this.series
    const zones = [['zero', left, least - 1, 'zero'], ['few', least - 1, normal, width < 480 ? 'few' : 'few digits'],
                   ['kept', normal, most, width < 480 ? 'fp16' : 'all digits'], ['over', most, right, width < 480 ? 'inf' : 'infinite']]
    const parts = []
    for (const [k, a, b, text] of zones) {
      parts.push(svg('rect', {class: `zone ${k}`, x: x(a), y: top, width: x(b) - x(a), height: bottom - top}),
                 svg('text', {class: `${k} middle`, x: (x(a) + x(b))/2, y: top - 9}, text))
      if (a > left) parts.push(svg('line', {class: 'edge', x1: x(a), x2: x(a), y1: top - 4, y2: bottom}))
    }
    const bars = new Map()
    counts.forEach((n, i) => {
      const at = Math.min(right - 1, Math.max(left, this.data.low + i + this.scale))
      if (n) bars.set(at, (bars.get(at) || 0) + n)
    })
    const high = Math.max(...counts)
    for (const [p, n] of bars) {
      const tall = Math.max(1, Math.min(1, n/high)*(bottom - top - 6))
      const k = p < least - 1 ? 'zero' : p < normal ? 'few' : p < most ? 'kept' : 'over'
      parts.push(svg('rect', {class: `bar ${k}`, x: x(p) + .5, y: bottom - tall, width: x(p + 1) - x(p) - 1, height: tall}))
    }
    parts.push(svg('line', {class: 'axis', x1: pad, x2: width - pad, y1: bottom, y2: bottom}))
    const step = width < 480 ? 16 : 8
    for (let p = left + step; p < right; p += step) parts.push(
      svg('line', {class: 'axis', x1: x(p), x2: x(p), y1: bottom, y2: bottom + 4}),
      svg('text', {class: 'tick middle', x: x(p), y: bottom + 18}, power(p)))
    Object.entries(this.data.formats).forEach(([name, [a, b, c]], i) => {
      const y = bottom + 28 + i*row
      parts.push(svg('rect', {class: 'range few', x: x(a), y, width: x(b) - x(a), height: row - 6}),
                 svg('rect', {class: 'range', x: x(b), y, width: x(c) - x(b), height: row - 6}))
      const text = a > left ? `${name}: ${power(a)} to ${power(c)}` : `${name}: from ${power(a)} on the left to ${power(c)} on the right`
      parts.push(svg('text', {x: a > left ? x(a) + 6 : pad + 6, y: y + 13}, width < 480 && a <= left ? `← ${name}: ${power(a)} to ${power(c)} →` : text))
    })
    const label = `Histogram of ${whole(this.series.n)} gradients by powers of two, multiplied by ${whole(2**this.scale)}; `
      + 'below it the ranges of fp16, bf16 and fp32. The table has the numbers.'
    return {height: bottom + 28 + 3*row, parts, label}
  }
}
define('camvid-numbers', Numbers)
})()
