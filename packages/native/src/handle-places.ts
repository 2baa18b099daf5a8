/**
 * Where the handles of libuv are kept, and which watch each belongs to.
 *
 * Decides where the next handle goes: places of one size in blocks of the system's memory, so that a handle costs neither
 * an allocation nor an entry in a table, and its watch is found by arithmetic. Invariants: blocks are never freed; a place
 * whose handle was closed is given out again only after the loop has done with it, which takes two immediates: after the
 * first, the round of the loop in which the handle was closed is over, and with the second the one behind it.
 */

/** A power of two, so that the block of an address is its higher part. */
const BLOCK_BYTES = 65_536

/** Handles of the size that the loop says, each with its owner. */
export class HandlePlaces<W> {
  readonly #handleBytes: number
  readonly #allocate: (alignmentBytes: number, sizeBytes: number) => number
  readonly #perBlock: number
  /** The addresses of the blocks, and the other way round the number of a block by the higher part of its address. */
  readonly #blocks: number[] = []
  readonly #numbers = new Map<number, number>()
  /** The owner of each place; undefined where there is none. */
  readonly #owners: Array<W | undefined> = []
  #free: number[] = []
  /** Places whose handles were closed in this round of the loop, and those of the one before. */
  #leaving: number[] = []

  /** @param allocate gives aligned memory, 0 if there is none */
  constructor(handleBytes: number, allocate: (alignmentBytes: number, sizeBytes: number) => number) {
    this.#handleBytes = handleBytes
    this.#allocate = allocate
    this.#perBlock = Math.floor(BLOCK_BYTES / handleBytes)
  }

  /** The owners, in no order. */
  get owners(): W[] {
    return this.#owners.filter((owner) => owner !== undefined)
  }

  /** Takes a place. Returns its number, -1 if there is no memory. */
  take(): number {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const place = this.#owners.length
    if (place === this.#blocks.length * this.#perBlock && !this.#addBlock()) return -1
    this.#owners.push(undefined)
    return place
  }

  /** Names the owner of a place that was taken. */
  own(place: number, owner: W): void {
    this.#owners[place] = owner
  }

  /** The address of a place. */
  addressOf(place: number): number {
    const within = place % this.#perBlock
    return (this.#blocks[(place - within) / this.#perBlock] as number) + within * this.#handleBytes
  }

  /** Whose the handle at an address is; undefined for any other address, and once it was left. */
  ownerAt(address: number): W | undefined {
    const number = this.#numbers.get(Math.floor(address / BLOCK_BYTES))
    if (number === undefined) return undefined
    const within = (address % BLOCK_BYTES) / this.#handleBytes
    return this.#owners[number * this.#perBlock + within]
  }

  /** Gives back a place whose handle was never in the loop. */
  giveBack(place: number): void {
    this.#free.push(place)
  }

  /** Leaves a place whose handle was told to close. */
  leave(place: number): void {
    this.#owners[place] = undefined
    if (this.#leaving.push(place) > 1) return
    setImmediate(() => {
      const left = this.#leaving
      this.#leaving = []
      setImmediate(() => {
        for (const each of left) this.#free.push(each)
      })
    })
  }

  #addBlock(): boolean {
    const address = this.#allocate(BLOCK_BYTES, BLOCK_BYTES)
    if (address === 0) return false
    this.#numbers.set(address / BLOCK_BYTES, this.#blocks.length)
    this.#blocks.push(address)
    return true
  }
}
