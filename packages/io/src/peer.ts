/**
 * Peers: the address of the other side, as a value.
 *
 * A peer says where the bytes come from or go to. Looking a host name up, reading a peer off a socket and making a
 * socket for one are the affair of the packages that own sockets. Invariant: a peer never changes.
 */
import { describeValue } from './limit.js'

/** The other side of a chain end. */
export abstract class VPeer {
  /** The address in the form that the system uses for it: host and port, a path, descriptors. */
  abstract readonly native: unknown
  /** The address as text, for people and logs. */
  abstract toString(): string

  /** True if `other` is a peer of the same class with the same address, however either of them was spelled. */
  equals(other: unknown): boolean {
    return other instanceof VPeer && other.constructor === this.constructor && other.key === this.key
  }

  /** The address as text that is the same for two peers if and only if their addresses are. */
  protected get key(): string {
    return this.toString()
  }
}

/** The address family of a socket peer. */
export type VSocketFamily = 'inet' | 'inet6' | 'unix'

/** The kind of socket that a peer is reached with. */
export type VSocketType = 'stream' | 'dgram'

/** A peer that is reached by a socket. */
export abstract class VSocketPeer extends VPeer {
  /** The address family. */
  abstract readonly family: VSocketFamily
  /** Stream or datagram. */
  readonly socketType: VSocketType
  /** The protocol number, 0 for the default one of family and type. */
  readonly protocol: number
  /** The host or path that was asked for, before it was looked up. The same as the address when it was not looked up. */
  readonly reqAddress: string

  /** The address in the form of the system: the same as `native`. */
  get address(): unknown {
    return this.native
  }

  constructor(socketType: VSocketType, protocol: number, reqAddress: string) {
    super()
    if (socketType !== 'stream' && socketType !== 'dgram') {
      throw new TypeError(`a socket type is 'stream' or 'dgram', got ${describeValue(socketType)}`)
    }
    if (!Number.isInteger(protocol) || protocol < 0 || protocol > 255) {
      throw new RangeError(`a protocol number is 0 to 255, got ${describeValue(protocol)}`)
    }
    this.socketType = socketType
    this.protocol = protocol
    this.reqAddress = reqAddress
  }
}

/** Options of an IP peer. */
export interface VIPSocketPeerOptions {
  /** Stream or datagram; by default 'stream'. */
  readonly socketType?: VSocketType
  /** Protocol number; by default 0. */
  readonly protocol?: number
  /** The host name that was looked up; by default the address itself. */
  readonly reqAddress?: string
}

/** The options of most peers. */
const NO_OPTIONS: VIPSocketPeerOptions = {}

/** A peer on an IP network: a numeric address and a port. */
export class VIPSocketPeer extends VSocketPeer {
  /** The numeric address, IPv4 or IPv6 (with its zone after `%` where there is one). Empty: any address. */
  readonly host: string
  /** The port, 0 to 65535. 0: none yet. */
  readonly port: number

  /**
   * @throws TypeError if the host is not an IP address or empty
   * @throws RangeError if the port is not a whole number from 0 to 65535
   */
  constructor(host: string, port: number, options: VIPSocketPeerOptions = NO_OPTIONS) {
    if (typeof host !== 'string' || (host !== '' && ipVersionOf(host) === 0)) {
      throw new TypeError(`a host is an IP address or empty, got ${describeValue(host)}; look names up first`)
    }
    if (!Number.isInteger(port) || port < 0 || port > 65_535) {
      throw new RangeError(`a port is a whole number from 0 to 65535, got ${describeValue(port)}`)
    }
    super(options.socketType ?? 'stream', options.protocol ?? 0, options.reqAddress ?? host)
    this.host = host
    this.port = port
  }

  get family(): VSocketFamily {
    return this.ipVersion === 6 ? 'inet6' : 'inet'
  }

  /** 4 or 6. An empty host counts as 4. */
  get ipVersion(): 4 | 6 {
    return ipVersionOf(this.host) === 6 ? 6 : 4
  }

  /** True if the address is a loopback address of this machine. */
  get isLocal(): boolean {
    if (this.ipVersion === 4) return this.host.startsWith('127.')
    const groups = groupsOf(this.host) ?? []
    const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
    return isMapped ? (groups[6] ?? 0) >> 8 === 127 : groups.join(':') === LOOPBACK
  }

  /** True if the address can be reached: it has a host and a port. */
  get bound(): boolean {
    return this.host !== '' && this.port !== 0
  }

  get native(): { readonly host: string; readonly port: number } {
    return { host: this.host, port: this.port }
  }

  toString(): string {
    return this.ipVersion === 6 ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`
  }

  protected override get key(): string {
    const [, zone = ''] = this.host.split('%')
    return `${groupsOf(this.host)?.join(':') ?? this.host}%${zone} ${this.port}`
  }
}

/** A peer on a Unix socket. */
export class VUnixSocketPeer extends VSocketPeer {
  readonly family: VSocketFamily = 'unix'
  /** The path of the socket; starts with a NUL where it is an abstract name. */
  readonly path: string

  /** @throws TypeError if the path is not a non-empty string */
  constructor(path: string, socketType: VSocketType = 'stream') {
    if (typeof path !== 'string' || path === '') {
      throw new TypeError(`a socket path is a string that is not empty, got ${describeValue(path)}`)
    }
    super(socketType, 0, path)
    this.path = path
  }

  get native(): string {
    return this.path
  }

  toString(): string {
    return `unix:${this.path.replaceAll('\0', '@')}`
  }

  protected override get key(): string {
    return this.path
  }
}

/** A peer behind pipes: a descriptor that is read, one that is written, or both. */
export class VPipePeer extends VPeer {
  /** The descriptor that is read; -1 for none. */
  readonly readFd: number
  /** The descriptor that is written; -1 for none. */
  readonly writeFd: number

  /** @throws RangeError if a descriptor is not a whole number of at least -1 */
  constructor(readFd: number, writeFd: number) {
    super()
    for (const fd of [readFd, writeFd]) {
      if (!Number.isInteger(fd) || fd < -1) {
        throw new RangeError(`a descriptor is a whole number, -1 for none, got ${describeValue(fd)}`)
      }
    }
    this.readFd = readFd
    this.writeFd = writeFd
  }

  get native(): readonly [number, number] {
    return [this.readFd, this.writeFd]
  }

  toString(): string {
    return `pipe:${this.readFd},${this.writeFd}`
  }
}

/** A peer within this process, known by a name: the other end of a device pair in memory. */
export class VMemoryPeer extends VPeer {
  /** The name of the other end. */
  readonly name: string

  /** @throws TypeError if the name is not a string */
  constructor(name: string) {
    super()
    if (typeof name !== 'string') throw new TypeError(`a name is a string, got ${describeValue(name)}`)
    this.name = name
  }

  get native(): string {
    return this.name
  }

  toString(): string {
    return `memory:${this.name}`
  }
}

const IPV4_PART = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^${IPV4_PART}(?:\\.${IPV4_PART}){3}$`)

const LOOPBACK = '0:0:0:0:0:0:0:1'

/** The eight groups of an IPv6 address, undefined for anything else. */
function groupsOf(text: string): readonly number[] | undefined {
  const [address = '', zone, ...more] = text.split('%')
  if (more.length > 0 || zone === '') return undefined
  const halves = address.split('::')
  const head = groupsIn(halves[0] ?? '', halves.length === 1)
  if (halves.length === 1) return head?.length === 8 ? head : undefined
  const tail = groupsIn(halves[1] ?? '', true)
  if (halves.length > 2 || head === undefined || tail === undefined) return undefined
  const gap = 8 - head.length - tail.length
  return gap < 1 ? undefined : [...head, ...new Array<number>(gap).fill(0), ...tail]
}

/** The groups of one side of `::`; the last one of the address may be an IPv4 address. */
function groupsIn(half: string, isLast: boolean): number[] | undefined {
  if (half === '') return []
  const parts = half.split(':')
  const groups: number[] = []
  for (const [at, part] of parts.entries()) {
    if (isLast && at === parts.length - 1 && IPV4.test(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
      groups.push(a * 256 + b, c * 256 + d)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}

/** 4 or 6 for a numeric address, 0 for anything else. */
export function ipVersionOf(host: string): 0 | 4 | 6 {
  if (IPV4.test(host)) return 4
  return groupsOf(host) === undefined ? 0 : 6
}

/** The bytes of a numeric address, 4 or 16, without its zone; undefined for anything else. */
export function ipAddressBytes(host: string): Buffer | undefined {
  if (IPV4.test(host)) return Buffer.from(host.split('.').map(Number))
  const groups = groupsOf(host)
  return groups && Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}
