/**
 * Gives memory back at once that nobody looks at any more.
 *
 * The collector sees little of a buffer but its handle, and begins a whole collection of the old space whenever 8 to 16 MB
 * of buffers came and went: at hundreds of megabytes a second that was a third of all time, and each new buffer was memory
 * that no cache knew. Invariant: only memory is released that the view has for itself alone.
 */

/** Node 22 and later. */
interface Transferable {
  transfer?(newBytes: number): ArrayBuffer
}

/** Without `transfer` a call costs a microsecond: what is smaller is left to the collector. */
const LEAST_BYTES = 'transfer' in ArrayBuffer.prototype ? 1 : 1024

/** Where nothing can be received: what is sent there is gone. Made for Node 20 alone. */
let nowhere: InstanceType<typeof MessagePort> | undefined
const list: ArrayBuffer[] = []

/**
 * Lets go of the memory of `bytes`, which have no length afterwards, like every other view of it. The caller has to be the
 * only one who uses them. A view of a part, shared memory, and what is too small to be worth it are left to the collector.
 */
export function releaseMemory(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes
  if (byteLength < LEAST_BYTES || byteLength !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return
  const { transfer } = buffer as Transferable
  if (transfer !== undefined) transfer.call(buffer, 0)
  else sendAway(buffer)
}

function sendAway(buffer: ArrayBuffer): void {
  if (nowhere === undefined) {
    nowhere = new MessageChannel().port1
    nowhere.close()
  }
  list[0] = buffer
  nowhere.postMessage(null, list)
  list.length = 0
}
