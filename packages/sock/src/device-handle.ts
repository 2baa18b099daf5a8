/**
 * A device as the stream-backed handle by which a reactor watches it.
 *
 * Decides nothing: it says what the device says, in the words of a Node stream. Invariant: every change of the device is
 * told to whoever listens.
 */
import type { IVByteDevice } from '@vio/io'
import type { IVStreamHandle } from '@vio/reactor'

/** Offers the readiness of a device to a reactor. */
export class DeviceHandle implements IVStreamHandle {
  readonly #device: IVByteDevice
  readonly #listeners = new Map<string, Set<() => void>>()

  constructor(device: IVByteDevice) {
    this.#device = device
  }

  /** True while there is something to read. */
  get readableLength(): number {
    return this.#device.readable ? 1 : 0
  }

  get readableEnded(): boolean {
    return this.#device.inputEnd !== null
  }

  get writableNeedDrain(): boolean {
    return !this.#device.writable && this.#device.outputEnd === null
  }

  on(event: string, listener: () => void): this {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(listener))
    return this
  }

  removeListener(event: string, listener: () => void): this {
    this.#listeners.get(event)?.delete(listener)
    return this
  }

  /** The device has changed. */
  changed(): void {
    const { readable, inputEnd, writable, outputEnd } = this.#device
    if (readable) this.#emit('readable')
    if (inputEnd !== null) this.#emit('end')
    if (writable) this.#emit('drain')
    if (outputEnd !== null) this.#emit('finish')
  }

  #emit(event: string): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener()
  }
}
