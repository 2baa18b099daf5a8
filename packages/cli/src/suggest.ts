/**
 * What somebody may have meant who typed something else.
 *
 * Decides how far off a word may be: a third of its letters, exchanged neighbours counted once. Invariant: of two that are
 * as near, the first in the list is named, so that the answer does not change from run to run.
 */

/** The nearest of `known`, or undefined if none is near. */
export function suggest(typed: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1
  for (const word of known) {
    const steps = typed.length > 2 && word.startsWith(typed) ? 1 : distance(typed, word)
    if (steps < least) {
      best = word
      least = steps
    }
  }
  return best
}

/** How many letters are to be added, left out, replaced or exchanged with their neighbour. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let steps = Math.min(at(above, j) + 1, at(row, j - 1) + 1, at(above, j - 1) + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        steps = Math.min(steps, at(before, j - 2) + 1)
      }
      row.push(steps)
    }
    before = above
    above = row
  }
  return at(above, b.length)
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
