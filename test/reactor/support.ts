/**
 * What the reactor's tests share: a reactor on simulated time, and a handler that records.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  type IVReader,
  type IVSelectable,
  type IVStreamHandle,
  type IVWriter,
  type VFailure,
  type VLogEntry,
  VReactor,
  type VReactorOptions,
} from '@vio/reactor'
import { VirtualHost, type VirtualHostOptions } from '@vio/reactor/testing'

/** A reactor on simulated time, its host, and what it logged. */
export interface VirtualReactor {
  readonly host: VirtualHost
  readonly reactor: VReactor
  readonly logged: VLogEntry[]
}

/** Makes a reactor on simulated time whose log goes to an array. Not started. */
export function virtualReactor(
  hostOptions: VirtualHostOptions = {},
  options: Omit<VReactorOptions, 'host' | 'logWatcher'> = {},
): VirtualReactor {
  const host = new VirtualHost({ maxSteps: 100_000, ...hostOptions })
  const logged: VLogEntry[] = []
  const reactor = new VReactor({ ...options, host, logWatcher: { watch: (entry) => logged.push(entry) } })
  return { host, reactor, logged }
}

/** Collects garbage, so that a test can see what is no longer held. Needs no flag of the process. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  // What is still on the stack of the turn before is held by it.
  await new Promise((resolve) => setImmediate(resolve))
  collect()
}

/** A reader and writer that counts its calls, records what it is told, and reacts as a test says. */
export class Recorder implements IVReader, IVWriter, IVSelectable {
  target: number | IVStreamHandle
  reads = 0
  writes = 0
  readonly closed: { readonly what: 'input' | 'output' | 'io'; readonly reason: VFailure }[] = []
  onRead: () => void = () => undefined
  onWrite: () => void = () => undefined

  constructor(target: number | IVStreamHandle) {
    this.target = target
  }

  fileno(): number | IVStreamHandle {
    return this.target
  }

  doRead(): void {
    this.reads += 1
    this.onRead()
  }

  doWrite(): void {
    this.writes += 1
    this.onWrite()
  }

  closeInput(reason: VFailure): boolean {
    this.closed.push({ what: 'input', reason })
    return true
  }

  closeOutput(reason: VFailure): boolean {
    this.closed.push({ what: 'output', reason })
    return true
  }

  closeIO(reason: VFailure): boolean {
    this.closed.push({ what: 'io', reason })
    return true
  }
}
