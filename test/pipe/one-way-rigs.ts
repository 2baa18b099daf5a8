/**
 * Rigs of ends that have one direction: those of `createPipePair`, of each kind, and named FIFOs.
 *
 * A contract asks for both directions, so an end that is read and one that is written are joined to one device, under an
 * endpoint; the far side has the other end of each. Those that are read are rigs by themselves too.
 */
import { constants, openSync } from 'node:fs'
import { type IVByteDevice, VByteEndpoint, type VFailure, VFIOCompleted, VFIOLost } from '@vio/io'
import type { IVEndpointRig, IVFarEnd } from '@vio/io/testing'
import { createPipePair, openNamedPipe, type VPipePairKind } from '@vio/pipe'
import type { Without } from '../lib/run-suite.js'
import { type Connection, endpointRig, ROAD_BYTES, WITHOUT_CONNECTING, WITHOUT_RESET } from './rigs.js'
import { FarPipes } from './support.js'

/** An end that is read and one that is written, as one device. Their own endpoints have no chains. */
class JoinedEnds implements IVByteDevice {
  readonly connected = true
  readonly peer = null
  readonly #input: IVByteDevice
  readonly #output: IVByteDevice

  constructor(reader: VByteEndpoint, writer: VByteEndpoint) {
    this.#input = reader.device
    this.#output = writer.device
  }

  get readable(): boolean {
    return this.#input.readable
  }

  get inputEnd(): VFailure | null {
    return this.#input.inputEnd
  }

  get writable(): boolean {
    return this.#output.writable
  }

  get outputEnd(): VFailure | null {
    return this.#output.outputEnd
  }

  get unflushedBytes(): number {
    return this.#output.unflushedBytes
  }

  onReady(changed: () => void): void {
    this.#input.onReady(changed)
    this.#output.onReady(changed)
  }

  readSome(maxBytes: number): Buffer {
    return this.#input.readSome(maxBytes)
  }

  writeSome(data: Uint8Array): number {
    return this.#output.writeSome(data)
  }

  closeInput(reason: VFailure): void {
    this.#input.close(reason)
  }

  closeOutput(reason: VFailure): void {
    this.#output.closeOutput(reason)
  }

  close(reason: VFailure): void {
    this.#input.close(reason)
    this.#output.close(reason)
  }
}

/** The far side: what `reader` gives, and what `writer` takes, driven as devices. */
function farOf(reader: IVByteDevice | null, writer: IVByteDevice): IVFarEnd {
  return {
    write: (bytes) => writer.writeSome(bytes),
    read: (maxBytes = Number.MAX_SAFE_INTEGER) => {
      const pieces: Buffer[] = []
      for (let left = maxBytes; left > 0 && reader !== null; ) {
        const piece = reader.readSome(Math.min(left, 65_536))
        if (piece.length === 0) break
        pieces.push(piece)
        left -= piece.length
      }
      return Buffer.concat(pieces)
    },
    end: () => writer.closeOutput(new VFIOCompleted()),
    reset: () => {
      for (const device of [reader, writer]) device?.close(new VFIOLost())
    },
    get ended() {
      const end = reader?.inputEnd ?? null
      if (end === null) return 'no'
      return end instanceof VFIOCompleted ? 'clean' : 'lost'
    },
  }
}

/** What the way of a pair takes. */
function roadOf(kind: VPipePairKind): number {
  return kind === 'socket-pair' ? ROAD_BYTES * 3 : ROAD_BYTES
}

/** The ends of two pairs of `createPipePair`: one of each at either side. */
export function pairsRig(kind: VPipePairKind): IVEndpointRig {
  return endpointRig(async ({ reactor }, _folder, options): Promise<Connection> => {
    const [there, back] = [await createPipePair(reactor, { kind }), await createPipePair(reactor, { kind })]
    const near = new VByteEndpoint(reactor, new JoinedEnds(there.reader, back.writer), options)
    return { near, far: farOf(back.reader.device, there.writer.device) }
  }, roadOf(kind))
}

/** Two named FIFOs, of which the one is read and the other is written. */
export function fifosRig(useNative: boolean): IVEndpointRig {
  return endpointRig(async ({ reactor }, folder, options): Promise<Connection> => {
    const [there, back] = [folder.fifo(), folder.fifo()]
    const means = { native: useNative }
    const reader = await openNamedPipe(reactor, there, 'read', means)
    const farRead = openSync(back, constants.O_RDONLY | constants.O_NONBLOCK)
    const writer = await openNamedPipe(reactor, back, 'write', means)
    const farWrite = openSync(there, constants.O_WRONLY | constants.O_NONBLOCK)
    const near = new VByteEndpoint(reactor, new JoinedEnds(reader, writer), options)
    return { near, far: new FarPipes(farRead, farWrite) }
  })
}

/** The end of a pair that is read, as it is. */
export function pairReaderRig(kind: VPipePairKind): IVEndpointRig {
  return endpointRig(async ({ reactor }, _folder, options): Promise<Connection> => {
    const { reader, writer } = await createPipePair(reactor, { ...options, kind })
    return { near: reader, far: farOf(null, writer.device) }
  }, roadOf(kind))
}

/** A named FIFO that is read, as it is. */
export function fifoReaderRig(useNative: boolean): IVEndpointRig {
  return endpointRig(async ({ reactor }, folder, options): Promise<Connection> => {
    const path = folder.fifo()
    const near = await openNamedPipe(reactor, path, 'read', { ...options, native: useNative })
    return { near, far: new FarPipes(-1, openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)) }
  })
}

const NO_OUTPUT = 'an end that is only read has no output; with one it is shown by two joined ends'

/** What an end that is only read cannot do. */
export const READER_WITHOUT: Without = {
  ...WITHOUT_CONNECTING,
  ...WITHOUT_RESET,
  'grants its buffer on attachment': NO_OUTPUT,
  'grants only what its buffer has room for': NO_OUTPUT,
  'carries both directions at once, in order': NO_OUTPUT,
  'closes its output with its input': NO_OUTPUT,
  'closes its input with its output': NO_OUTPUT,
  'writes what waits before it closes its output': NO_OUTPUT,
  'writes what waits, then ends the output': NO_OUTPUT,
  'closed, takes down what is attached to it': NO_OUTPUT,
  'closed, still writes what waits': NO_OUTPUT,
}
