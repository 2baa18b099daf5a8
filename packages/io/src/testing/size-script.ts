/**
 * Scripts of how much passes at once: for devices that read and write little, and producers that give in portions.
 *
 * Invariant: a list lets something pass some time.
 */

/**
 * How much a device passes at once: the sizes of a list, over and over, or what a function says to the size that is
 * asked for. 0 stands for a call that moves nothing.
 */
export type VSizeScript = readonly number[] | ((wantedBytes: number) => number)

/** Reads the next size of a script. */
export class SizeScript {
  readonly #script: VSizeScript | undefined
  #at = 0

  constructor(script: VSizeScript | undefined) {
    if (Array.isArray(script) && script.every((size) => size === 0)) {
      throw new RangeError('a list of sizes has one above 0, as nothing would ever move otherwise')
    }
    this.#script = script
  }

  /** As much of `wanted` as the script lets pass. */
  next(wanted: number): number {
    const script = this.#script
    if (script === undefined) return wanted
    if (typeof script === 'function') return Math.max(0, Math.min(wanted, script(wanted)))
    const size = script[this.#at % script.length] ?? wanted
    this.#at += 1
    return Math.min(wanted, size)
  }
}
