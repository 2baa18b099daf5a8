/**
 * What the cases of the host contract stand on: the fixture that a factory makes, and a stream handle without a stream.
 *
 * Decides how a case gets its host and lets go of it. Invariant: a fixture is released whatever the case does.
 */
import type { IVReactorHost, IVStreamHandle } from '../../types.js'
import type { IVContractCase } from './case.js'

/** A host under test, and what a case needs to work with it. */
export interface IVHostFixture {
  /** A new host that nothing is bound to. */
  readonly host: IVReactorHost
  /** Lets the host run and time pass until `done` is true; rejects if that takes too long. */
  until(done: () => boolean): Promise<void>
  /** A descriptor that the host knows and that is ready in both directions, always. */
  openReady(): number
  /** Releases what the fixture opened. */
  close(): void
}

/** Makes a fixture with a new host. */
export type VHostFactory = () => IVHostFixture

/** Runs `body` on a new fixture and releases it in any case. */
export async function withHost(
  factory: VHostFactory,
  body: (fixture: IVHostFixture) => void | Promise<void>,
): Promise<void> {
  const fixture = factory()
  try {
    await body(fixture)
  } finally {
    fixture.host.wakeAt(Number.POSITIVE_INFINITY)
    fixture.host.keepAlive(false)
    fixture.close()
  }
}

/** A case that gets a fixture instead of a factory. */
export function hostCase(
  title: string,
  body: (fixture: IVHostFixture) => void | Promise<void>,
): IVContractCase<VHostFactory> {
  return { title, run: (factory) => withHost(factory, body) }
}

/** A stream-backed handle without a stream: the case sets its state and emits its events. */
export class FakeHandle implements IVStreamHandle {
  readonly #listeners: (readonly [string, () => void])[] = []
  readableLength = 0
  readableEnded = false
  writableNeedDrain = true
  destroyed = false

  on(event: string, listener: () => void): void {
    this.#listeners.push([event, listener])
  }

  removeListener(event: string, listener: () => void): void {
    const at = this.#listeners.findIndex(([name, known]) => name === event && known === listener)
    if (at >= 0) this.#listeners.splice(at, 1)
  }

  /** Calls the listeners of an event. */
  emit(event: string): void {
    for (const [name, listener] of [...this.#listeners]) if (name === event) listener()
  }

  /** The number of listeners that were not removed. */
  get listenerCount(): number {
    return this.#listeners.length
  }
}

/** Lets `ms` of the host's time pass, by an observer that the host knows nothing of. */
export async function passTime(fixture: IVHostFixture, ms: number): Promise<void> {
  const end = fixture.host.now() + ms
  await fixture.until(() => fixture.host.now() >= end)
}
