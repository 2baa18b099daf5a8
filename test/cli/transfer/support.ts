/**
 * The two machines of a transfer, joined in memory, with every cut of what passes between them.
 */
import { createHash } from 'node:crypto'
import { FRAME_HEAD_BYTES } from '../../../packages/cli/src/transfer/frame.js'
import type { VTransferEnd } from '../../../packages/cli/src/transfer/machine.js'
import type { VTransferEntry } from '../../../packages/cli/src/transfer/manifest.js'
import { ReceiveMachine, type VReceiveEvent } from '../../../packages/cli/src/transfer/receive-machine.js'
import type { VExtent } from '../../../packages/cli/src/transfer/record.js'
import { SendMachine, type VSendEvent } from '../../../packages/cli/src/transfer/send-machine.js'

/** The key of the digests. The machines hand it on, and do not look at it. */
export const KEY: Buffer = Buffer.alloc(32, 7)

/** SHA-256. */
export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** A file of the list. */
export function fileEntry(name: string, sizeBytes: number): VTransferEntry {
  return { kind: 'file', path: name.split('/'), sizeBytes, mode: 0o644, changedMs: 0 }
}

/** A folder of the list. */
export function folderEntry(name: string): VTransferEntry {
  return { kind: 'folder', path: name.split('/'), sizeBytes: 0, mode: 0o755, changedMs: 0 }
}

/** All bytes that a machine has to say now. */
export function outputOf(machine: { pollOutput(): Buffer | undefined }): Buffer {
  const pieces: Buffer[] = []
  for (let bytes = machine.pollOutput(); bytes !== undefined; bytes = machine.pollOutput()) pieces.push(bytes)
  return Buffer.concat(pieces)
}

/** All events that a machine has to tell now. */
export function eventsOf<E>(machine: { pollEvent(): E | undefined }): E[] {
  const events: E[] = []
  for (let event = machine.pollEvent(); event !== undefined; event = machine.pollEvent()) events.push(event)
  return events
}

/** How bytes are cut: the next piece of what is left. */
export type Cut = (left: number) => number

/** What a transfer in memory came to. */
export interface Memory {
  readonly received: ReadonlyMap<string, Buffer>
  readonly sendEvents: readonly (VSendEvent | VTransferEnd)[]
  readonly receiveEvents: readonly (VReceiveEvent | VTransferEnd)[]
}

/** Sends files from memory to memory. `have` is what the receiver has of them before. */
export function transfer(
  files: readonly { readonly name: string; readonly bytes: Buffer; readonly have?: number }[],
  cut: Cut,
): Memory {
  const sender = new SendMachine(
    files.map(({ name, bytes }) => fileEntry(name, bytes.length)),
    KEY,
  )
  const receiver = new ReceiveMachine()
  const sendEvents: (VSendEvent | VTransferEnd)[] = []
  const receiveEvents: (VReceiveEvent | VTransferEnd)[] = []
  const parts = new Map<number, Buffer[]>()
  let current = -1
  const onReceive = (event: VReceiveEvent | VTransferEnd): void => {
    receiveEvents.push(event)
    if (event.type === 'offer') receiver.accept(extentsOf(files))
    if (event.type === 'file') {
      current = event.index
      parts.set(current, [files[current]?.bytes.subarray(0, event.offset) ?? Buffer.alloc(0)])
    }
    if (event.type === 'data') parts.get(current)?.push(Buffer.from(event.bytes))
    if (event.type === 'fileEnd') {
      const bytes = Buffer.concat(parts.get(event.index) ?? [])
      receiver.receipt({ index: event.index, sizeBytes: bytes.length, digest: sha256(bytes) })
    }
  }
  const onSend = (event: VSendEvent | VTransferEnd): void => {
    sendEvents.push(event)
    if (event.type !== 'accepted') return
    const have = new Map(event.have.map((extent) => [extent.index, extent.sizeBytes]))
    for (const [index, { bytes }] of files.entries()) {
      const offset = have.get(index) ?? 0
      sender.startFile(index, offset)
      for (let at = offset; at < bytes.length; at += 1000)
        sender.sendData(dataFrame(bytes.subarray(at, at + 1000)))
      sender.endFile(sha256(bytes))
    }
  }
  for (;;) {
    const out = outputOf(sender)
    const back = outputOf(receiver)
    if (out.length + back.length === 0) break
    feed(receiver, out, cut)
    for (const event of eventsOf(receiver)) onReceive(event)
    feed(sender, back, cut)
    for (const event of eventsOf(sender)) onSend(event)
  }
  const received = new Map(
    [...parts].map(([index, pieces]) => [files[index]?.name ?? '', Buffer.concat(pieces)]),
  )
  return { received, sendEvents, receiveEvents }
}

/** Data with room for the head of its frame, as a sender is given it. */
export function dataFrame(data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(FRAME_HEAD_BYTES), data])
}

/** Hands bytes over in pieces of their own memory, as they come from a socket. */
export function feed(machine: { handleBytes(bytes: Buffer): void }, bytes: Buffer, cut: Cut): void {
  for (let left = bytes; left.length > 0; ) {
    const size = Math.min(left.length, Math.max(1, cut(left.length)))
    machine.handleBytes(Buffer.from(left.subarray(0, size)))
    left = left.subarray(size)
  }
}

function extentsOf(files: readonly { readonly bytes: Buffer; readonly have?: number }[]): VExtent[] {
  return files.flatMap(({ bytes, have }, index) =>
    have === undefined ? [] : [{ index, sizeBytes: have, digest: sha256(bytes.subarray(0, have)) }],
  )
}
