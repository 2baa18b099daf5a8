/**
 * Looks at the network from this machine: relays, UDP, NAT, router, sizes.
 *
 * Decides what is asked of whom, all at the same time; the questions are the machines of `@vio/nat`, the conclusions
 * `report`'s. Invariants: everything is bounded in time and leaves nothing open; what does not answer is a finding, no
 * failure.
 */
import { VIPSocketPeer } from '@vio/io'
import {
  classifyNat,
  openControlLink,
  parseRelayAddress,
  type VFilteringSample,
  type VMappingSample,
  VNatProbe,
  VPortMapper,
  VRendezvousReader,
  type VWelcome,
} from '@vio/nat'
import type { IVRandom, IVReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { type IVMachine, VDatagramPump } from '@vio/vudp'
import { codeOf } from '../forward/status.js'
import { addressesHere, defaultRoute, mtuOf } from './machine.js'
import type { FamilyFinding, Findings, PortMappingFinding, RelayFinding } from './report.js'
import { largestDatagram } from './sizes.js'

/** What an examination needs. */
export interface ExamineOptions {
  readonly reactor: IVReactor
  readonly random: IVRandom
  /** The relays, as they were named. */
  readonly relays: readonly string[]
  readonly signal: AbortSignal
  /** How long each question may take. By default 4 s. */
  readonly timeoutMs?: number
}

const TIMEOUT_MS = 4000
const ANY = { 4: '0.0.0.0', 6: '::' } as const
const DGRAM = { socketType: 'dgram' } as const

/** Looks at everything. @throws (rejects) the reason of `signal` */
export async function examine(options: ExamineOptions): Promise<Findings> {
  const route = defaultRoute()
  const interfaceMtu = route === undefined ? undefined : mtuOf(route.interface)
  const [met, portMapping] = await Promise.all([
    Promise.all(options.relays.map((relay) => meetRelay(relay, options))),
    tryPortMapping(route?.router, options),
  ])
  options.signal.throwIfAborted()
  const families = await Promise.all(serversOf(met).map((servers) => examineFamily(servers, options)))
  options.signal.throwIfAborted()
  return {
    addresses: addressesHere(),
    ...(interfaceMtu === undefined ? {} : { interfaceMtu }),
    relays: met.map(({ finding }) => finding),
    families,
    portMapping,
  }
}

interface MetRelay {
  readonly finding: RelayFinding
  readonly servers: readonly VIPSocketPeer[]
}

/** Connects to a relay and hears what it says first. */
async function meetRelay(
  name: string,
  { reactor, signal, timeoutMs = TIMEOUT_MS }: ExamineOptions,
): Promise<MetRelay> {
  const beganAt = reactor.time()
  const reader = new VRendezvousReader()
  let heard: (welcome: VWelcome) => void = () => undefined
  let failed: (error: Error) => void = () => undefined
  const welcome = new Promise<VWelcome>((resolve, reject) => {
    heard = resolve
    failed = reject
  })
  welcome.catch(() => undefined)
  const timer = reactor.schedule(timeoutMs, () => failed(new Error('it says nothing')))
  try {
    const link = await openControlLink(reactor, parseRelayAddress(name), {
      signal,
      timeoutMs,
      onMessage: (bytes) => {
        reader.push(bytes)
        for (let next = reader.next(); next !== undefined; next = reader.next())
          if (next.type === 'welcome') heard(next)
          else failed(new Error('it does not speak as a relay does'))
      },
      onClose: (error) => failed(error ?? new Error('it closed the connection')),
    })
    try {
      const { stun } = await welcome
      const rttMs = Math.round(reactor.time() - beganAt)
      const servers = stun.map(
        ({ host, port }) => new VIPSocketPeer(host === '' ? link.remote.host : host, port, DGRAM),
      )
      return { finding: { name, reachable: true, rttMs, stunAddresses: servers.length }, servers }
    } finally {
      link.close()
    }
  } catch (error) {
    const text = codeOf(error) || (error instanceof Error ? error.message : String(error))
    return { finding: { name, reachable: false, error: text }, servers: [] }
  } finally {
    timer.cancel()
  }
}

/** Of each version of IP the servers of the first relay that has any. */
function serversOf(met: readonly MetRelay[]): (readonly VIPSocketPeer[])[] {
  return ([4, 6] as const).flatMap((version) => {
    const found = met.map(({ servers }) => servers.filter(({ ipVersion }) => ipVersion === version))
    const first = found.find((servers) => servers.length > 0)
    return first === undefined ? [] : [first]
  })
}

async function examineFamily(
  servers: readonly VIPSocketPeer[],
  options: ExamineOptions,
): Promise<FamilyFinding> {
  const [server, ...others] = servers as [VIPSocketPeer, ...VIPSocketPeer[]]
  const family = server.ipVersion
  const atOther = others.filter(({ port }) => port !== server.port)
  const other = atOther.find(({ host }) => host !== server.host) ?? atOther[0]
  const [mapping, filtering, largest] = await Promise.all([
    probe('mapping', server, other, options),
    other === undefined ? undefined : probe('filtering', server, other, options),
    largestDatagram(server, options),
  ])
  const samples = mapping.samples
  const nat = classifyNat(samples, filtering?.filtering ?? {})
  const [first] = samples
  const own = addressesHere().map(({ address }) => address)
  const isOwn = first !== undefined && (own.includes(first.mapped.host) || first.mapped.isLocal)
  return {
    family,
    udp: first !== undefined,
    ...(first === undefined ? {} : { outside: first.mapped.toString() }),
    ...(largest.rttMs === undefined ? {} : { rttMs: largest.rttMs }),
    translates: first !== undefined && !(isOwn && first.mapped.port === first.local.port),
    mapping: nat.mapping,
    filtering: nat.filtering,
    ports: nat.ports,
    ...(largest.bytes === undefined ? {} : { largestDatagram: largest.bytes }),
  }
}

interface ProbeResult {
  readonly samples: readonly VMappingSample[]
  readonly filtering: VFilteringSample
}

const NOTHING: ProbeResult = { samples: [], filtering: {} }

async function probe(
  test: 'mapping' | 'filtering',
  server: VIPSocketPeer,
  other: VIPSocketPeer | undefined,
  options: ExamineOptions,
): Promise<ProbeResult> {
  const socket = await bindTo(server)
  if (socket === undefined) return NOTHING
  const machine = new VNatProbe({ test, local: socket.localPeer, server, other }, options.random)
  return await runMachine(socket, machine, options, {
    start: (now) => machine.start(now),
    resultOf: (event) => (event.type === 'done' ? event : undefined),
    otherwise: NOTHING,
  })
}

async function tryPortMapping(
  router: string | undefined,
  options: ExamineOptions,
): Promise<PortMappingFinding> {
  if (router === undefined) return { available: false }
  const [own] = addressesHere().filter(({ address, scope }) => scope === 'private' && !address.includes(':'))
  const socket = own === undefined ? undefined : await bindTo(new VIPSocketPeer(router, 1))
  if (own === undefined || socket === undefined) return { available: false, router }
  const local = new VIPSocketPeer(own.address, socket.localPeer.port, DGRAM)
  const machine = new VPortMapper({ gateway: router, local, lifetimeS: 120 }, options.random)
  const none: PortMappingFinding = { available: false, router }
  return await runMachine(socket, machine, options, {
    start: (now) => machine.start(now),
    resultOf: (event) =>
      event.type === 'mapped'
        ? { available: true, router, protocol: event.protocol, external: event.external.toString() }
        : event.type === 'unavailable'
          ? none
          : undefined,
    // What was opened for the examination is given back.
    stop: () => machine.release(),
    otherwise: none,
  })
}

interface MachineRun<E, T> {
  start(now: number): void
  stop?(): void
  /** What an event comes to, if it is the last one. */
  resultOf(event: E): T | undefined
  /** What no event in time comes to. */
  readonly otherwise: T
}

/** Runs a machine on a socket until it has a result. */
async function runMachine<E, T>(
  socket: VDatagramSocket,
  machine: IVMachine<E>,
  { reactor, signal, timeoutMs = TIMEOUT_MS }: ExamineOptions,
  run: MachineRun<E, T>,
): Promise<T> {
  let settle: (result: T) => void = () => undefined
  const result = new Promise<T>((resolve) => {
    settle = resolve
  })
  const pump = new VDatagramPump(reactor, {
    port: socket,
    machine,
    onEvent: (event) => {
      const found = run.resultOf(event)
      if (found !== undefined) settle(found)
    },
    onEnd: () => settle(run.otherwise),
    onSendError: () => undefined,
  })
  const giveUp = (): void => settle(run.otherwise)
  const timer = reactor.schedule(timeoutMs, giveUp)
  signal.addEventListener('abort', giveUp, { once: true })
  run.start(reactor.time())
  pump.start()
  try {
    return await result
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', giveUp)
    run.stop?.()
    pump.kick()
    // One turn, for what the machine says at last.
    await new Promise<void>((done) => void reactor.schedule(0, done))
    pump.stop()
    socket.close()
  }
}

/** A socket of the version that leads to a server; undefined where this machine has none. */
async function bindTo(server: VIPSocketPeer): Promise<VDatagramSocket | undefined> {
  try {
    return await VDatagramSocket.bind({ host: server.isLocal ? server.host : ANY[server.ipVersion] })
  } catch {
    return undefined
  }
}
