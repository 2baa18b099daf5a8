/**
 * From a target to a connected device: looks a name up, asks, connects, and promises the outcome.
 *
 * Decides what counts as a target and how the attempt is given up: by its signal, its time-out, or a close. The chain or
 * the handler that the connection is for is told by its own means; the promise says the same to whoever waits. Invariant:
 * a promise that nobody took never becomes an unhandled rejection.
 */
import { type VFailure, VFIOLost, VIOLost, VIOTimeout, VSocketPeer } from '@vio/io'
import type { IVReactor } from '@vio/reactor'
import { checkPort, checkSocketPeer, lookupAll, type VLookupOptions } from './address.js'
import { describeValue, NOTHING } from './describe.js'
import { VSocketLost } from './errno.js'
import type { Connecting } from './socket-connector.js'

/** A host by name or address, and a port. */
export interface VHostPort {
  /** A host name, or a numeric address. */
  readonly host: string
  readonly port: number
}

/** What can be connected to: an address, several of the same target, or a host to look up. */
export type VConnectTarget = VSocketPeer | readonly VSocketPeer[] | VHostPort

/** Options of one connection. */
export interface VConnectToOptions extends Pick<VLookupOptions, 'family' | 'resolver'> {
  /** Gives up when it is aborted: the chain ends as lost, the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What connecting needs of the element that it connects. */
export interface ConnectingOwner {
  readonly reactor: IVReactor
  readonly connector: Connecting
  /** True once nothing can be connected any more. */
  isClosed(): boolean
  /** Asks whether an address may be tried. */
  mayTry(peer: VSocketPeer): boolean
  /** Connects the device: the connector has the plan. The peer is the first of the plan. */
  connectDevice(peer: VSocketPeer): void
  closeIO(reason: VFailure): boolean
}

/**
 * Connects `owner` to a target that was checked; the promise is true once there is a connection, and false if there will
 * be none.
 */
export function connectTo(
  owner: ConnectingOwner,
  target: VConnectTarget,
  options: VConnectToOptions,
): Promise<boolean> {
  // The plain case, of which there may be thousands at once: nothing to look up, and nobody who may give it up.
  if (options.signal === undefined && !isHostPort(target)) {
    const endsAt = owner.reactor.time() + owner.connector.connectTimeoutMs
    return owner.isClosed() ? Promise.resolve(false) : tried(owner, listed(target), endsAt)
  }
  const outcome = run(owner, target, options)
  outcome.catch(NOTHING)
  return outcome
}

function isHostPort(target: VConnectTarget): target is VHostPort {
  return 'host' in target && !(target instanceof VSocketPeer)
}

async function run(
  owner: ConnectingOwner,
  target: VConnectTarget,
  { signal, ...options }: VConnectToOptions,
): Promise<boolean> {
  const onAbort = (): void => {
    owner.closeIO(new VFIOLost(new VIOLost('the connection was given up', { cause: signal?.reason })))
  }
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const endsAt = owner.reactor.time() + owner.connector.connectTimeoutMs
    const peers = isHostPort(target)
      ? await found(owner, target, { ...options, ...(signal === undefined ? {} : { signal }) })
      : listed(target)
    const connected = peers !== undefined && !owner.isClosed() && (await tried(owner, peers, endsAt))
    if (signal?.aborted === true) throw signal.reason
    return connected
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

function listed(target: Exclude<VConnectTarget, VHostPort>): readonly VSocketPeer[] {
  return Array.isArray(target) ? (target as readonly VSocketPeer[]) : [target as VSocketPeer]
}

/** The addresses of a host; undefined if there are none, and the owner is closed as lost then. */
async function found(
  owner: ConnectingOwner,
  { host, port }: VHostPort,
  options: VLookupOptions,
): Promise<readonly VSocketPeer[] | undefined> {
  const { connectTimeoutMs } = owner.connector
  const late = connectTimeoutMs === Number.POSITIVE_INFINITY ? {} : { timeoutMs: connectTimeoutMs }
  try {
    return await lookupAll(host, port, { order: 'verbatim', ...options, ...late })
  } catch (error) {
    owner.closeIO(new VFIOLost(error instanceof VIOTimeout ? error : notFound(error)))
    return undefined
  }
}

function notFound(error: unknown): VIOLost {
  const cause = error as Error & { readonly code?: string }
  return new VSocketLost(cause.message, { code: cause.code ?? 'ENOTFOUND' }, { cause })
}

function tried(owner: ConnectingOwner, peers: readonly VSocketPeer[], endsAt: number): Promise<boolean> {
  let hasFailed = false
  const outcome = new Promise<boolean>((settled, failed) => {
    try {
      owner.connector.plan = { peers, endsAt, owner, settled }
      owner.connectDevice(peers[0] as VSocketPeer)
    } catch (error) {
      hasFailed = true
      failed(error)
    }
  })
  // Watching each promise would cost as much again as the promise.
  if (hasFailed) outcome.catch(NOTHING)
  return outcome
}

/** @throws TypeError or VAddressError if it is none */
export function checkTarget(target: VConnectTarget): void {
  if (Array.isArray(target)) {
    if (target.length === 0) throw new TypeError('a connection needs an address, got an empty list')
    for (const peer of target) checkSocketPeer(peer)
  } else if (target instanceof VSocketPeer) checkSocketPeer(target)
  else if (typeof target !== 'object' || target === null || !('host' in target)) {
    throw new TypeError(`a connection needs a peer, peers or a host and a port, got ${describeValue(target)}`)
  } else checkPort(target.port, 1)
}
