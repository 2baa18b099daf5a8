/**
 * What the other side may ask for: which targets it may reach through this side, and where it may listen.
 *
 * Decides yes or no about a request, and which of the addresses of a name count; connecting and listening are others'
 * affair. Without rules, the side that waits with `--listen` offers the TCP and UDP ports of this machine itself, and no
 * other one anything. Invariants: what no rule names is refused; a name that leads to an address is held against the
 * rules for addresses by what it was looked up to, and only those addresses are used.
 */
import { BlockList } from 'node:net'
import { ipAddressBytes, ipVersionOf } from '@vio/io'
import { ForwardUsage } from './errors.js'
import type { ListenAt } from './spec.js'
import { checkHost, type ForwardTarget, type NetTarget } from './target.js'

/** What a rule is about. */
type Use = 'tcp' | 'udp' | 'listen'

interface Rule {
  /** Empty: TCP and UDP. */
  readonly use: Use | ''
  readonly firstPort: number
  readonly lastPort: number
  /** A name, `*.name`, or undefined for one about addresses. */
  readonly name: string | undefined
  /** Null: every address. */
  readonly addresses: BlockList | null
}

/** Rules that hold where none were given to the side that waits. */
export const DEFAULT_RULES: readonly string[] = ['localhost', 'listen:localhost']

const LISTEN = 'listen:'

const LOOPBACK = ['127.0.0.0/8', '::1/128'] as const

/** The rules of one side. */
export class AllowList {
  /** The rules as they were written. */
  readonly texts: readonly string[]
  readonly #rules: readonly Rule[]
  readonly #paths: readonly string[]
  readonly #listenPaths: readonly string[]
  readonly #isAny: boolean

  /**
   * @param texts rules: `any`, `none`, `HOST[:PORTS]` with `tcp:`, `udp:` or `listen:` before it, a `/path` or
   *   `listen:/path`; HOST is a name, `*.name`, an address, a block such as `10.0.0.0/8`, `localhost` for this machine, or `*`
   * @throws ForwardUsage for a text that is no rule
   */
  constructor(texts: readonly string[]) {
    this.texts = texts
    this.#isAny = texts.includes('any')
    const others = texts.filter((text) => text !== 'any' && text !== 'none')
    this.#paths = others.filter(isPathRule).map(pathOf)
    this.#listenPaths = others.filter(isListenPath).map((text) => pathOf(text.slice(LISTEN.length)))
    this.#rules = others.filter((text) => !isPathRule(text) && !isListenPath(text)).map(ruleOf)
  }

  /** True if nothing at all is allowed. */
  get isEmpty(): boolean {
    return !this.#isAny && this.#rules.length + this.#paths.length + this.#listenPaths.length === 0
  }

  /** Whether a target may be tried: `maybe` if that depends on the addresses of its name, see `allowsAddress`. */
  allows(target: ForwardTarget): 'yes' | 'no' | 'maybe' {
    if (this.#isAny) return 'yes'
    if (target.kind === 'unix') return holdsPath(this.#paths, target.path) ? 'yes' : 'no'
    if (ipVersionOf(target.host) !== 0) return this.allowsAddress(target, target.host) ? 'yes' : 'no'
    const rules = this.#rulesFor(target.kind, target.port)
    if (rules.some((rule) => rule.addresses === null && rule.name === undefined)) return 'yes'
    if (rules.some((rule) => rule.name !== undefined && matchesName(rule.name, target.host))) return 'yes'
    return rules.some((rule) => rule.addresses !== null) ? 'maybe' : 'no'
  }

  /** Whether a target may be reached at one of its addresses. */
  allowsAddress(target: NetTarget, address: string): boolean {
    return this.#isAny || this.#rulesFor(target.kind, target.port).some((rule) => holds(rule, address))
  }

  /** Whether the other side may have something listened on here. */
  allowsListen(listen: ListenAt): boolean {
    if (this.#isAny) return true
    if (listen.kind === 'unix') return holdsPath(this.#listenPaths, listen.path)
    // No address is all addresses, which takes a rule for all of them.
    return this.#rulesFor('listen', listen.port).some((rule) => {
      const isAll = rule.addresses === null && rule.name === undefined
      if (ipVersionOf(listen.host) !== 0) return holds(rule, listen.host)
      return isAll || (listen.host !== '' && rule.name !== undefined && matchesName(rule.name, listen.host))
    })
  }

  #rulesFor(use: Use, port: number): readonly Rule[] {
    return this.#rules.filter((rule) => {
      const isForUse = rule.use === use || (rule.use === '' && use !== 'listen')
      return isForUse && port >= rule.firstPort && port <= rule.lastPort
    })
  }
}

/** The rule that would let a target in, as it is given to `--allow`. */
export function ruleFor(text: string): string {
  const plain = text.replace(/\/udp$/, '')
  if (plain === text || isPathRule(text) || isListenPath(text)) return text
  // A rule for listening holds for both protocols.
  return text.startsWith(LISTEN) ? plain : `udp:${plain}`
}

function isPathRule(text: string): boolean {
  return /^[/.@]/.test(text)
}

function isListenPath(text: string): boolean {
  return text.startsWith(LISTEN) && isPathRule(text.slice(LISTEN.length))
}

function pathOf(text: string): string {
  return text.replace(/^@/, '\0')
}

function holdsPath(rules: readonly string[], path: string): boolean {
  // A path that goes up again is another one than it says.
  if (path.split('/').includes('..')) return false
  return rules.some((rule) =>
    rule.endsWith('/*') ? path.startsWith(rule.slice(0, -1)) && path.length >= rule.length : path === rule,
  )
}

function ruleOf(text: string): Rule {
  const [, use = '', rest = ''] = /^(?:(tcp|udp|listen):)?(.*)$/s.exec(text) ?? []
  const [, inBrackets, plain, ports] = /^(?:\[([^\]]*)\]|([^:]*))(?::([\d*-]+))?$/.exec(rest) ?? bare(rest)
  const host = (inBrackets ?? plain ?? '').toLowerCase()
  const wrong = (why: string): ForwardUsage =>
    new ForwardUsage(
      `--allow ${JSON.stringify(text)}: ${why}; a rule is HOST:PORT, HOST, 10.0.0.0/8:22, [::1]:80, /path/of/socket, ` +
        'listen:HOST:PORT, any or none',
    )
  if (host === '') throw wrong('it names no host')
  const [firstPort, lastPort] = portsOf(ports) ?? []
  if (firstPort === undefined || lastPort === undefined)
    throw wrong(`${JSON.stringify(ports)} is no port and no range`)
  try {
    return { use: use as Use | '', firstPort, lastPort, ...hostRule(host) }
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error))
  }
}

/** An IPv6 address, or a block of them, without brackets and without a port. */
function bare(rest: string): readonly (string | undefined)[] {
  return ipVersionOf(rest.replace(/\/\d+$/, '')) === 6 ? [rest, rest, undefined, undefined] : []
}

function hostRule(host: string): Pick<Rule, 'name' | 'addresses'> {
  if (host === '*') return { name: undefined, addresses: null }
  if (host === 'localhost') return { name: 'localhost', addresses: blockOf(LOOPBACK) }
  const isAddress = ipVersionOf(host.replace(/\/\d+$/, '')) !== 0
  if (isAddress) return { name: undefined, addresses: blockOf([host]) }
  checkHost(host.replace(/^\*\./, ''))
  return { name: host, addresses: new BlockList() }
}

function blockOf(blocks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const block of blocks) {
    const [address = '', bits] = block.split('/')
    const version = ipVersionOf(address)
    const family = version === 6 ? 'ipv6' : 'ipv4'
    const size = version === 6 ? 128 : 32
    if (bits !== undefined && Number(bits) > size) throw new ForwardUsage(`a block has up to ${size} bits`)
    list.addSubnet(address, bits === undefined ? size : Number(bits), family)
  }
  return list
}

function portsOf(text: string | undefined): readonly [number, number] | undefined {
  if (text === undefined || text === '*') return [0, 65_535]
  const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? []
  if (first === undefined) return undefined
  const [low, high] = [Number(first), Number(last ?? first)]
  return low <= high && high <= 65_535 ? [low, high] : undefined
}

function matchesName(rule: string, name: string): boolean {
  const wanted = name.toLowerCase().replace(/\.$/, '')
  return rule.startsWith('*.')
    ? wanted.endsWith(rule.slice(1)) && wanted.length >= rule.length
    : wanted === rule
}

function holds(rule: Rule, address: string): boolean {
  if (rule.addresses === null) return true
  const plain = plainAddress(address)
  return rule.addresses.check(plain, ipVersionOf(plain) === 6 ? 'ipv6' : 'ipv4')
}

/** An address without its zone, and an IPv4 address in the clothes of IPv6 as what it is. */
function plainAddress(address: string): string {
  const bytes = ipAddressBytes(address)
  const isMapped =
    bytes?.length === 16 &&
    bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes.readUInt16BE(10) === 0xffff
  return isMapped === true ? [...bytes.subarray(12)].join('.') : address.replace(/%.*$/, '')
}
