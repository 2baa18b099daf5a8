/**
 * Small writes that leave together, in one call of the system.
 *
 * Decides where they are collected and when their owner is asked to send them: at the end of the burst of turns that wrote
 * them, before anything else of Node runs. Sending them, and what comes of it, is the owner's. Invariants: bytes are kept in
 * the order in which they came; memory is held only while bytes wait.
 */

/** What gathers bytes and can send them. */
export interface GatherOwner {
  /** Sends what was gathered. Called once after the burst in which the first of it came. */
  sendGathered(): void
}

/** From this size on a write leaves by itself: copying it would cost more than the call that is saved. */
const GATHER_BELOW_BYTES = 8192
const SLAB_BYTES = 65_536
const MAX_SPARE_SLABS = 16

const spareSlabs: Buffer[] = []
const due: GatherOwner[] = []

function sendDue(): void {
  for (const owner of due.splice(0)) owner.sendGathered()
}

/** The bytes of one owner. */
export class WriteGather {
  readonly #owner: GatherOwner
  #slab: Buffer | null = null
  #start = 0
  #end = 0
  #due = false

  constructor(owner: GatherOwner) {
    this.#owner = owner
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#end - this.#start
  }

  /** The bytes that wait. Lent until the next call. */
  get bytes(): Buffer {
    return this.#slab?.subarray(this.#start, this.#end) ?? Buffer.alloc(0)
  }

  /** Copies a small write. Returns false, and takes nothing, if it is not small or there is no room. */
  add(data: Uint8Array): boolean {
    if (data.length >= GATHER_BELOW_BYTES || data.length > SLAB_BYTES - this.#end) return false
    this.#slab ??= spareSlabs.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
    this.#slab.set(data, this.#end)
    this.#end += data.length
    if (!this.#due) {
      this.#due = true
      if (due.push(this.#owner) === 1) process.nextTick(sendDue)
    }
    return true
  }

  /** The owner is being asked to send: the next bytes ask again. */
  asked(): void {
    this.#due = false
  }

  /** Takes what was sent off the front. */
  remove(sizeBytes: number): void {
    this.#start += sizeBytes
    if (this.#start < this.#end) return
    const slab = this.detach()
    if (slab !== null) recycle(slab)
  }

  /** Gives the memory away, with the bytes in it; `recycle` takes it back. Null if nothing waits. */
  detach(): Buffer | null {
    const slab = this.#slab
    this.#slab = null
    this.#start = 0
    this.#end = 0
    return slab
  }
}

/** Takes back memory that a gather gave away and nobody uses any more. */
export function recycle(slab: Buffer): void {
  if (spareSlabs.length < MAX_SPARE_SLABS) spareSlabs.push(slab)
}
