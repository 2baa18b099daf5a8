/**
 * `JoinedDevice`: one device that is read and one that is written, as one device with both directions.
 *
 * Decides nothing; each call goes to the one it concerns. Invariant: it was released when both were. Its peer is told
 * only while both are open, as half of a pair of pipes is no connection (CR-47).
 */
import { type VFailure, VFIOCompleted, VPipePeer } from '@vio/io'
import type { IVDescriptorDevice } from './types.js'

const EMPTY: Buffer = Buffer.alloc(0)
const NOTHING: VFailure = new VFIOCompleted()

/** Reads one descriptor and writes another; either may be missing, and is then a direction that has ended cleanly. */
export class JoinedDevice implements IVDescriptorDevice {
  readonly connected = true
  readonly #input: IVDescriptorDevice | null
  readonly #output: IVDescriptorDevice | null
  readonly #peer: VPipePeer
  #released: () => void = () => undefined

  constructor(input: IVDescriptorDevice | null, output: IVDescriptorDevice | null) {
    this.#input = input
    this.#output = output
    this.#peer = new VPipePeer(input?.fd ?? -1, output?.fd ?? -1)
    const parts = new Set([input, output].filter((part) => part !== null))
    for (const part of parts) {
      part.onReleased(() => {
        parts.delete(part)
        if (parts.size === 0) this.#released()
      })
    }
  }

  /** The descriptor that is read; -1 if there is none or it was closed. */
  get readFd(): number {
    return this.#input?.fd ?? -1
  }

  /** The descriptor that is written; -1 if there is none or it was closed. */
  get writeFd(): number {
    return this.#output?.fd ?? -1
  }

  get fd(): number {
    return this.readFd === -1 ? this.writeFd : this.readFd
  }

  get peer(): VPipePeer | null {
    const isOpen = this.#input?.fd !== -1 && this.#output?.fd !== -1
    return isOpen ? this.#peer : null
  }

  get readable(): boolean {
    return this.#input?.readable ?? false
  }

  get inputEnd(): VFailure | null {
    return this.#input === null ? NOTHING : this.#input.inputEnd
  }

  get writable(): boolean {
    return this.#output?.writable ?? false
  }

  get outputEnd(): VFailure | null {
    return this.#output === null ? NOTHING : this.#output.outputEnd
  }

  get unflushedBytes(): number {
    return this.#output?.unflushedBytes ?? 0
  }

  onReady(changed: () => void): void {
    this.#input?.onReady(changed)
    this.#output?.onReady(changed)
  }

  onReleased(released: () => void): void {
    this.#released = released
  }

  readSome(maxBytes: number): Buffer {
    return this.#input?.readSome(maxBytes) ?? EMPTY
  }

  writeSome(data: Uint8Array): number {
    return this.#output?.writeSome(data) ?? 0
  }

  closeInput(reason: VFailure): void {
    this.#input?.closeInput(reason)
  }

  closeOutput(reason: VFailure): void {
    this.#output?.closeOutput(reason)
  }

  close(reason: VFailure): void {
    this.#input?.close(reason)
    this.#output?.close(reason)
  }
}
