/**
 * A set of whole numbers as ranges: disjoint, sorted, none touching the next.
 *
 * Decides nothing about what the numbers mean; offsets of a stream and numbers of datagrams are kept in it. Made for
 * ranges that mostly grow at the upper end, where a call costs nothing that depends on how many there are. Invariant:
 * `start(i) < end(i) < start(i + 1)`.
 */

/** What sets that were always empty have in common: there are many of these. Nothing is ever put into it. */
const NONE: never[] = []

/** Half-open ranges, `start` included and `end` not. */
export class RangeSet {
  #starts: number[] = NONE
  #ends: number[] = NONE

  /** How many ranges there are. */
  get count(): number {
    return this.#starts.length
  }

  /** True if there is none. */
  get isEmpty(): boolean {
    return this.#starts.length === 0
  }

  /** Where range `index` begins. */
  start(index: number): number {
    return this.#starts[index] as number
  }

  /** The number behind the last one of range `index`. */
  end(index: number): number {
    return this.#ends[index] as number
  }

  /** The number behind the highest one; -1 if there is none. */
  get highestEnd(): number {
    const { length } = this.#ends
    return length === 0 ? -1 : (this.#ends[length - 1] as number)
  }

  /** True if `value` is in it. */
  has(value: number): boolean {
    const at = this.indexAfter(value)
    return at < this.#starts.length && (this.#starts[at] as number) <= value
  }

  /** Adds a range and returns how many numbers of it were new. */
  add(start: number, end: number): number {
    if (start >= end) return 0
    const last = this.#ends.length - 1
    const top = last < 0 ? -1 : (this.#ends[last] as number)
    if (this.#starts === NONE) {
      this.#starts = [start]
      this.#ends = [end]
      return end - start
    }
    if (start > top) {
      this.#starts.push(start)
      this.#ends.push(end)
      return end - start
    }
    if (start === top) {
      this.#ends[last] = end
      return end - start
    }
    return this.#merge(start, end)
  }

  /** Takes a range out and returns how many numbers of it were there. */
  remove(start: number, end: number): number {
    if (start >= end || this.isEmpty) return 0
    const from = this.indexAfter(start)
    let to = from
    let removed = 0
    while (to < this.#starts.length && (this.#starts[to] as number) < end) {
      removed += Math.min(this.end(to), end) - Math.max(this.start(to), start)
      to += 1
    }
    if (to === from) return 0
    if (from === 0 && to === this.#starts.length && this.start(0) >= start && this.end(to - 1) <= end) {
      this.clear()
      return removed
    }
    const left = this.start(from)
    const right = this.end(to - 1)
    const starts: number[] = []
    const ends: number[] = []
    if (left < start) {
      starts.push(left)
      ends.push(start)
    }
    if (right > end) {
      starts.push(end)
      ends.push(right)
    }
    this.#starts.splice(from, to - from, ...starts)
    this.#ends.splice(from, to - from, ...ends)
    return removed
  }

  /** Drops the lowest ranges until `count` are left. */
  keepHighest(count: number): void {
    const over = this.#starts.length - count
    if (over <= 0) return
    this.#starts.splice(0, over)
    this.#ends.splice(0, over)
  }

  /** Drops the lowest range. */
  removeFirst(): void {
    if (this.isEmpty) return
    this.#starts.shift()
    this.#ends.shift()
  }

  /** Makes it empty. */
  clear(): void {
    this.#starts = NONE
    this.#ends = NONE
  }

  /** The index of the first range that ends above `value`; `count` if there is none. */
  indexAfter(value: number): number {
    let low = 0
    let high = this.#ends.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#ends[middle] as number) > value) high = middle
      else low = middle + 1
    }
    return low
  }

  #merge(start: number, end: number): number {
    // Ranges that touch become one, so one that ends right where this begins takes part.
    const from = this.indexAfter(start - 1)
    let to = from
    let [low, high, held] = [start, end, 0]
    while (to < this.#starts.length && (this.#starts[to] as number) <= end) {
      const [rangeStart, rangeEnd] = [this.start(to), this.end(to)]
      held += Math.max(0, Math.min(rangeEnd, end) - Math.max(rangeStart, start))
      low = Math.min(low, rangeStart)
      high = Math.max(high, rangeEnd)
      to += 1
    }
    if (to === from + 1) {
      this.#starts[from] = low
      this.#ends[from] = high
    } else {
      this.#starts.splice(from, to - from, low)
      this.#ends.splice(from, to - from, high)
    }
    return end - start - held
  }
}
