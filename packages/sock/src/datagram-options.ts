/**
 * The options of a datagram socket, and what they come to: checked, with their defaults, before any socket is made.
 *
 * Decides what may be asked for on this Node. Invariant: what `datagramPlan` returns can be given to the system as it is.
 */
import { ipVersionOf, VIPSocketPeer } from '@vio/io'
import { checkPort, VAddressError } from './address.js'
import { checkReusePort, describeValue, sizeOption } from './describe.js'
import { wireHost } from './peer-cache.js'

/** What is asked of the system for its own buffers: room for some thousand datagrams. */
const SYSTEM_BUFFER_BYTES = 4 * 1024 * 1024
const MAX_SYSTEM_BUFFER_BYTES = 2 ** 30

/** Options of a datagram socket. */
export interface VDatagramSocketOptions {
  /** The address to bind to, IPv4 or IPv6. By default any: `0.0.0.0`, or `::` for the version 6. */
  readonly host?: string
  /** The port to bind to. By default 0: any free one. */
  readonly port?: number
  /** 4 or 6, where `host` does not say it. By default 4, or that of `remote`. */
  readonly ipVersion?: 4 | 6
  /** On IPv6, refuses IPv4: by default an IPv6 socket bound to any address speaks both. */
  readonly ipv6Only?: boolean
  /** Binds although another socket has the address; which of them gets a datagram is the system's affair. By default false. */
  readonly reuseAddr?: boolean
  /**
   * Shares the port with other sockets that ask for the same, and the datagrams among them. By default false.
   * Node 22.12 and 23.1 are the first that know it.
   */
  readonly reusePort?: boolean
  /** Connects to the only peer: others are not heard, and the system's errors are told. By default none. */
  readonly remote?: VIPSocketPeer
  /** Allows to send to broadcast addresses. By default false. */
  readonly broadcast?: boolean
  /** How many routers a multicast datagram may pass, 1 to 255. By default the system's 1. */
  readonly multicastTtl?: number
  /** Whether multicast datagrams come back to this machine. By default the system's answer: yes. */
  readonly multicastLoopback?: boolean
  /** What is asked of the system to hold on the way out, in bytes. By default 4 MiB; it may grant less. */
  readonly sendBufferBytes?: number
  /** What is asked of the system to hold on the way in, in bytes. By default 4 MiB; it may grant less. */
  readonly receiveBufferBytes?: number
  /**
   * What may wait for `receive`, in bytes; each datagram is charged with 256 bytes more than it has. What comes on top is
   * dropped and counted. By default 4 MiB.
   */
  readonly queueBytes?: number
  /** Closes the socket when it is aborted, or never opens it. */
  readonly signal?: AbortSignal
}

/** The options with their defaults. */
export interface DatagramPlan {
  readonly host: string
  readonly port: number
  readonly ipVersion: 4 | 6
  readonly ipv6Only: boolean
  readonly reuseAddr: boolean
  readonly reusePort: boolean
  readonly remote: VIPSocketPeer | null
  /** How the socket writes the host of `remote`. */
  readonly remoteHost: string
  readonly broadcast: boolean
  readonly multicastTtl: number | undefined
  readonly multicastLoopback: boolean | undefined
  readonly sendBufferBytes: number
  readonly receiveBufferBytes: number
  readonly queueBytes: number
}

/**
 * Checks options.
 *
 * @throws VAddressError for an address, a port or a mix of versions that cannot be, RangeError for a size, VIOError for what
 *   this Node does not have
 */
export function datagramPlan(options: VDatagramSocketOptions): DatagramPlan {
  const ipVersion = versionOf(options)
  const remote = options.remote ?? null
  const remoteHost = remote === null ? '' : reachable(remote, ipVersion)
  const reusePort = options.reusePort === true
  if (reusePort) checkReusePort()
  const ttl = options.multicastTtl
  if (ttl !== undefined && !(Number.isInteger(ttl) && ttl >= 1 && ttl <= 255)) {
    throw new RangeError(`multicastTtl is a whole number from 1 to 255, got ${describeValue(ttl)}`)
  }
  return {
    host: options.host ?? (ipVersion === 4 ? '0.0.0.0' : '::'),
    port: checkPort(options.port ?? 0),
    ipVersion,
    ipv6Only: options.ipv6Only === true,
    reuseAddr: options.reuseAddr === true,
    reusePort,
    remote,
    remoteHost,
    broadcast: options.broadcast === true,
    multicastTtl: ttl,
    multicastLoopback: options.multicastLoopback,
    sendBufferBytes: bufferOption('sendBufferBytes', options.sendBufferBytes),
    receiveBufferBytes: bufferOption('receiveBufferBytes', options.receiveBufferBytes),
    queueBytes: sizeOption('queueBytes', options.queueBytes ?? SYSTEM_BUFFER_BYTES),
  }
}

function versionOf(options: VDatagramSocketOptions): 4 | 6 {
  const { host, ipVersion } = options
  if (ipVersion !== undefined && ipVersion !== 4 && ipVersion !== 6) {
    throw new VAddressError(`ipVersion is 4 or 6, got ${describeValue(ipVersion)}`)
  }
  if (host === undefined) return ipVersion ?? options.remote?.ipVersion ?? 4
  const found = typeof host === 'string' ? ipVersionOf(host) : 0
  if (found === 0) {
    throw new VAddressError(
      `a datagram socket binds to an IP address, got ${describeValue(host)}; look names up first`,
    )
  }
  if (ipVersion !== undefined && ipVersion !== found) {
    throw new VAddressError(`${host} is an address of version ${found}, but ipVersion is ${ipVersion}`)
  }
  return found
}

function reachable(remote: VIPSocketPeer, ipVersion: 4 | 6): string {
  if (!(remote instanceof VIPSocketPeer) || !remote.bound) {
    const got = remote instanceof VIPSocketPeer ? String(remote) : describeValue(remote)
    throw new VAddressError(`remote is an IP peer with a host and a port, got ${got}`)
  }
  const host = wireHost(remote, ipVersion)
  if (host === null) throw new VAddressError(`a socket of version ${ipVersion} does not reach ${remote}`)
  return host
}

function bufferOption(name: string, value: number = SYSTEM_BUFFER_BYTES): number {
  if (sizeOption(name, value) <= MAX_SYSTEM_BUFFER_BYTES) return value
  throw new RangeError(`${name} is at most ${MAX_SYSTEM_BUFFER_BYTES}, got ${value}`)
}
