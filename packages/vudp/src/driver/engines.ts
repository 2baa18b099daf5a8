/**
 * Which engine a transport is given, by the version that was asked for.
 *
 * Decides how the options of a transport become those of its engine, and what the port says about sizes. Invariant: an
 * engine is made only with both secrets, a peer and a version that exists.
 */
import { type IVDatagramPort, VIOError, VIPSocketPeer } from '@vio/io'
import type { IVRandom } from '@vio/reactor'
import type { VUDPMeans, VUDPOptions } from '../proto/config.js'
import { VUDPConnection } from '../proto/connection.js'
import type { IVCrypto } from '../proto/crypto.js'
import type { IVUDPEngine, VUDPHooks } from '../proto/engine.js'
import type { V08Options } from '../proto/v08/config.js'
import { V08Connection } from '../proto/v08/connection.js'

/** The versions of VUT that there are. */
export type VUDPVersion = 'vut/1' | 'vut/0.8'

/** What both versions can be told about a connection; see `VUDPOptions` and `V08Options` for what each one means. */
export interface VUDPConnectOptions
  extends Omit<VUDPOptions, 'hooks' | 'windowBytes'>,
    Omit<V08Options, keyof VUDPOptions | 'profile' | 'bufLen'> {
  /** The version to speak. Both sides have to name the same one. By default 'vut/1'. */
  readonly version?: VUDPVersion
  /**
   * The receive buffer: its fixed size in VUT 0.8, by default 65,536; the first window of VUT/1, which grows, by default
   * 1 MiB. In bytes.
   */
  readonly bufLen?: number
}

/** What a driver has besides the options. */
export interface EngineSurroundings {
  readonly port: IVDatagramPort
  readonly crypto: IVCrypto
  readonly random: IVRandom
  readonly hooks: VUDPHooks
}

const LOOPBACK_BYTES = 65_507
/** A frame of Ethernet less the headers of IP and UDP. */
const USUAL_BYTES = { 4: 1472, 6: 1452 } as const

/**
 * Makes the engine of a connection.
 *
 * @throws TypeError if a secret or the peer is missing or the version unknown, RangeError for a value out of range
 */
export function makeEngine(options: VUDPConnectOptions, surroundings: EngineSurroundings): IVUDPEngine {
  const { version = 'vut/1', bufLen } = options
  const { hooks } = surroundings
  const means: VUDPMeans = surroundings
  checkSecret('secret', options.secret)
  checkSecret('peerSecret', options.peerSecret)
  if (version === 'vut/0.8') {
    return new V08Connection({ ...options, hooks }, means.crypto)
  }
  if (version !== 'vut/1') {
    throw new TypeError(`a version is 'vut/1' or 'vut/0.8', got ${String(version)}`)
  }
  const sizes = sizesOf(options.peer, surroundings.port)
  const window = bufLen === undefined ? {} : { windowBytes: bufLen }
  return new VUDPConnection({ ...sizes, ...options, ...window, hooks }, means)
}

/** @throws TypeError if it is no port, VIOError if it is closed or was never bound */
export function checkPort(port: unknown): asserts port is IVDatagramPort {
  if (typeof port !== 'object' || port === null || typeof (port as IVDatagramPort).send !== 'function') {
    throw new TypeError(`a transport needs a port for datagrams as its socket, got ${typeof port}`)
  }
  const { localPeer, closed } = port as Partial<IVDatagramPort>
  if (!(localPeer instanceof VIPSocketPeer) || localPeer.port === 0) {
    throw new VIOError('the socket is not bound; use a VDatagramSocket, which is bound from the start')
  }
  if (closed !== null) throw new VIOError(`the socket ${String(localPeer)} is closed`)
}

/** What of the path can be known: on loopback nothing is cut up, elsewhere a datagram had better fit a usual frame. */
function sizesOf(peer: VIPSocketPeer, port: IVDatagramPort): Partial<VUDPOptions> {
  if (!(peer instanceof VIPSocketPeer)) return {}
  if (peer.isLocal) {
    return { mtuBytes: Math.min(LOOPBACK_BYTES, port.maxDatagramBytes), dontFragment: true }
  }
  return { mtuBytes: USUAL_BYTES[peer.ipVersion], dontFragment: port.dontFragment }
}

function checkSecret(name: string, value: unknown): void {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`a transport needs its ${name}, a Uint8Array, got ${typeof value}`)
  }
}
