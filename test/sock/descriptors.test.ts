/**
 * No connection leaves a descriptor behind, at either end, whichever way it goes.
 */
import { readdirSync } from 'node:fs'
import { VFIOCompleted, VIPSocketPeer } from '@vio/io'
import { VProbeConsumer, VProbeProducer } from '@vio/io/testing'
import { native } from '@vio/native'
import { VListeningSocket as Listener, VClientSocketAgent, type VTransport } from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nativeSocketsMissing } from '../../packages/sock/src/native-socket.js'
import { runs } from '../lib/runs.js'
import { skipUnless } from '../lib/skip.js'
import { eventually, listening } from './support/net-rig.js'
import { startReactor } from './support/reactor.js'

/** Over each of the two transports: 10,000 in all, and each as many in a long run. */
const TOTAL = runs(5_000, 10_000)
const BATCH = 128

/** How a connection goes. The first three of them are never made. */
const WAYS = [
  'refused',
  'timed out',
  'aborted while connecting',
  'closed',
  'reset by the client',
  'reset by the server',
  'its output ended',
  'aborted by its chain',
] as const
type Way = (typeof WAYS)[number]

/** Where clients go: to somebody, to nobody, and to one who never takes them. */
interface Places {
  readonly open: VIPSocketPeer
  readonly nobody: VIPSocketPeer
  /** Undefined where the system cannot be told to keep connections waiting. */
  readonly silent: VIPSocketPeer | undefined
  /** How many clients have waited for it in vain. */
  timedOut: number
}

const missing = nativeSocketsMissing()

/** A listener that takes nobody and whose backlog is full: who connects to it waits. */
function silentPlace(): VIPSocketPeer | undefined {
  if (missing !== undefined) return undefined
  const listener = native.socket('ipv4')
  const fds = [listener]
  native.bind(listener, { family: 'ipv4', host: '127.0.0.1', port: 0 })
  native.listen(listener, 0)
  const address = native.socketName(listener)
  for (let count = 0; count < 3; count += 1) {
    const waiting = native.socket('ipv4')
    fds.push(waiting)
    native.connect(waiting, address)
  }
  onTestFinished(() => {
    for (const fd of fds) native.close(fd)
  })
  return new VIPSocketPeer('127.0.0.1', (address as { readonly port: number }).port)
}

async function placesOf(open: VIPSocketPeer): Promise<Places> {
  const gone = await listening('tcp4')
  gone.close()
  return { open, nobody: gone.peer as VIPSocketPeer, silent: silentPlace(), timedOut: 0 }
}

/** Makes a connection and lets it go. */
async function comeAndGo(
  client: VClientSocketAgent,
  way: Way,
  places: Places,
  servers: readonly VClientSocketAgent[],
): Promise<void> {
  if (way === 'refused') expect(await client.connectTo(places.nobody)).toBe(false)
  else if (way === 'timed out') {
    // The system may have had room for one more.
    if (await client.connectTo(places.silent ?? places.nobody)) client.reset()
    else places.timedOut += 1
  } else if (way === 'aborted while connecting') {
    const giveUp = new AbortController()
    const attempt = client.connectTo(places.open, { signal: giveUp.signal })
    giveUp.abort(new Error('enough'))
    await expect(attempt).rejects.toThrow('enough')
  } else {
    expect(await client.connectTo(places.open)).toBe(true)
    const sink = new VProbeConsumer({ grantAtAttach: null })
    client.byteProduce.attach(sink)
    if (way === 'closed') client.closeIO(new VFIOCompleted())
    if (way === 'reset by the client') client.reset()
    if (way === 'its output ended') client.closeOutput(new VFIOCompleted())
    if (way === 'aborted by its chain') {
      const source = new VProbeProducer({ reactor: client.reactor })
      client.byteConsume.attach(source)
      for (const end of [sink, source]) end.abort(new Error('enough'))
    }
    if (way === 'reset by the server') {
      const own = (agent: VClientSocketAgent): boolean => agent.device.peer?.equals(client.localPeer) === true
      await eventually(() => servers.some(own), 20_000)
      servers.find(own)?.reset()
    }
  }
}

describe.each(['net', 'native'] as const)('descriptors of sockets of kind %s', (transport: VTransport) => {
  const openCount = (): number => readdirSync('/proc/self/fd').length

  it('are all closed after thousands of connections, whichever way these go', {
    timeout: 120_000,
  }, async (context) => {
    skipUnless(context, process.platform === 'linux', 'descriptors are counted in /proc')
    skipUnless(context, transport === 'net' || missing === undefined, missing ?? 'there are none')
    const { reactor, logged } = startReactor()
    const servers: VClientSocketAgent[] = []
    const listener = new Listener(reactor, null, {
      transport,
      factory: ({ sock, peer }) => {
        const agent = new VClientSocketAgent(reactor, sock, { peer })
        servers.push(agent)
        agent.byteProduce.attach(agent.byteConsume)
        return agent
      },
    })
    onTestFinished(() => void listener.drain(0))
    const open = (await listener.bind(new VIPSocketPeer('127.0.0.1', 0))) as VIPSocketPeer
    listener.listen()
    const places = await placesOf(open)
    const before = openCount()
    for (let made = 0; made < TOTAL; made += BATCH) {
      const clients = Array.from(
        { length: BATCH },
        (_, at) =>
          new VClientSocketAgent(reactor, null, {
            transport,
            ...(WAYS[at % WAYS.length] === 'timed out' ? { connectTimeoutMs: 1 } : {}),
          }),
      )
      await Promise.all(
        clients.map((client, at) => comeAndGo(client, WAYS[at % WAYS.length] as Way, places, servers)),
      )
      await eventually(
        () => listener.connections === 0 && listener.waiting === 0 && clients.every(({ closed }) => closed),
        20_000,
      )
      servers.length = 0
    }
    await eventually(() => openCount() <= before, 20_000)
    expect(places.timedOut).toBeGreaterThan(TOTAL / WAYS.length / 2)
    expect(logged.filter(({ level }) => level >= 40)).toEqual([])
  })
})
