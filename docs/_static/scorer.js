// The order of what a search finds: a title that has the word whole stands before one that begins with it, and that before one that
// only holds its letters, so that "rate" finds `learning rate` before `enumerate`
const queried = (new URLSearchParams(location.search).get('q') || '').toLowerCase().split(/[^\p{L}\d]+/u).filter(Boolean)

var Scorer = {
  objNameMatch: 11, objPartialMatch: 6, objPrio: {0: 15, 1: 5, 2: -5}, objPrioDefault: 0, title: 15, partialTitle: 7, term: 5, partialTerm: 2,
  score: ([page, title, anchor, description, score]) => {
    const words = title.toLowerCase().split(/[^\p{L}\d]+/u)
    const bonus = q => words.includes(q) ? 20 : words.some(w => w.startsWith(q)) ? 10 : 0
    return score + queried.reduce((sum, q) => sum + bonus(q), 0)
  },
}
