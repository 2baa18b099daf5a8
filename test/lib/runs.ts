/**
 * How many times a randomised test repeats itself, and from which seed.
 *
 * Decides between the everyday run (`npm test`) and the long one (`npm run soak`, which sets `V_SOAK=1`), and replays
 * one seed when `V_SEED` names it. Invariant: everything random in a test follows from a seed that its failure prints.
 */

/** True under `npm run soak`. */
export const soaking: boolean = process.env['V_SOAK'] === '1'

/** `normal` runs in `npm test`, `soak` runs in `npm run soak` (default: fifty times as many). */
export function runs(normal: number, soak: number = normal * 50): number {
  return soaking ? soak : normal
}

/**
 * The seeds of a sweep: 1, 2, 3, ... up to `runs(normal, soak)` of them. `V_SEED=n` makes it that one seed alone, which
 * is how a failure is replayed.
 */
export function seeds(normal: number, soak?: number): number[] {
  const one = replayedSeed()
  if (one !== undefined) return [one]
  return Array.from({ length: runs(normal, soak) }, (_, index) => index + 1)
}

/**
 * Parameters for fast-check's `assert`: how many runs, and the seed of `V_SEED` when there is one. fast-check itself
 * prints the seed and the path of a failure.
 */
export function propertyRuns(normal: number, soak?: number): { numRuns: number; seed?: number } {
  const seed = replayedSeed()
  const numRuns = runs(normal, soak)
  return seed === undefined ? { numRuns } : { numRuns, seed }
}

/** The seed asked for by `V_SEED`. Throws RangeError when it is no integer. */
function replayedSeed(): number | undefined {
  const text = process.env['V_SEED']
  if (text === undefined || text === '') return undefined
  const seed = Number(text)
  if (!Number.isSafeInteger(seed)) throw new RangeError(`V_SEED is "${text}"; give an integer`)
  return seed
}
