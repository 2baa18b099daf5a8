/**
 * Listeners: binding, handing out, waiting, refusing, and a close that gives clients their time.
 */
import { existsSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { VFIOCompleted, VFIOLost, VIOError, VIPSocketPeer, type VSocketPeer, VUnixSocketPeer } from '@vio/io'
import type { IVFarEnd } from '@vio/io/testing'
import {
  type IVSocket,
  listenTCP,
  listenUnix,
  VAddressError,
  type VClientParts,
  VClientSocketAgent,
  VClientSocketFactory,
  VListeningSocket,
  type VListeningSocketOptions,
  VSocketError,
  VTCPListeningSocket,
  VUnixListeningSocket,
} from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { farOn } from './support/far-socket.js'
import { connected, eventually, loopRounds } from './support/net-rig.js'
import { freeUnixPath, LOOPBACK, NET_KINDS, type NetKind } from './support/places.js'
import { startReactor } from './support/reactor.js'

const ANY = new VIPSocketPeer('127.0.0.1', 0)

function freePlace(kind: NetKind): VSocketPeer {
  return kind === 'unix' ? new VUnixSocketPeer(freeUnixPath()) : new VIPSocketPeer(LOOPBACK[kind], 0)
}

/** A listener whose clients are agents, and what it has built. */
function listenerOf(options: VListeningSocketOptions = {}) {
  const started = startReactor()
  const built: VClientSocketAgent[] = []
  const factory = ({ sock, peer, closeCallback }: VClientParts): IVSocket => {
    const agent = new VClientSocketAgent(started.reactor, sock, {
      peer,
      ...(closeCallback === undefined ? {} : { closeCallback }),
    })
    built.push(agent)
    return agent
  }
  const listener = new VListeningSocket(started.reactor, null, { factory, ...options })
  onTestFinished(() => {
    listener.closeIO(new VFIOLost())
    for (const agent of built) agent.reset()
  })
  return { ...started, listener, built }
}

/** The far side of a connection that the listener will drop, perhaps before this side knows that it is connected. */
function dropped(peer: VSocketPeer | null): IVFarEnd {
  return farOn(connect((peer as VIPSocketPeer).native))
}

/** A listener that listens. */
async function running(options: VListeningSocketOptions = {}, kind: NetKind = 'tcp4') {
  const made = listenerOf(options)
  const peer = await made.listener.bind(freePlace(kind))
  made.listener.listen()
  const clients: Socket[] = []
  onTestFinished(() => {
    for (const socket of clients) socket.destroy()
  })
  const client = async (): Promise<Socket> => {
    const socket = await connected(peer)
    clients.push(socket)
    return socket
  }
  return { ...made, peer, client }
}

describe.each(NET_KINDS)('a listener on %s', (kind) => {
  it('builds a client once for each connection, which is connected [VE-83 VE-92 VE-106]', async () => {
    let accepts = 0
    const { client, built, listener, peer } = await running({ acceptCallback: () => (accepts += 1) }, kind)
    await client()
    await client()
    await eventually(() => built.length === 2 && accepts === 2)
    await loopRounds()
    expect([built.length, accepts, listener.connections]).toEqual([2, 2, 2])
    expect(built.map(({ wasConnected }) => wasConnected)).toEqual([true, true])
    if (kind === 'unix') expect(peer.equals(built[0]?.peer)).toBe(true)
    else expect(built[0]?.peer).toBeInstanceOf(VIPSocketPeer)
  })

  it('serves an echo by agents [VE-94]', async () => {
    const { client, built } = await running({}, kind)
    const far = farOn(await client())
    await eventually(() => built.length === 1)
    const [agent] = built
    if (agent === undefined) throw new Error('no agent')
    agent.byteProduce.attach(agent.byteConsume)
    far.write(Buffer.from('there and back'))
    let got = ''
    await eventually(() => {
      got += far.read().toString()
      return got === 'there and back'
    })
    far.end()
    await eventually(() => far.ended === 'clean')
  })
})

describe('binding', () => {
  it('gives the address, and is done once [VE-89 VE-107]', async () => {
    const { listener } = listenerOf()
    expect(listener.address).toBeNull()
    expect(() => listener.fileno()).toThrow(VIOError)
    const peer = (await listener.bind(ANY)) as VIPSocketPeer
    expect(peer.port).toBeGreaterThan(0)
    expect(peer.equals(listener.address)).toBe(true)
    expect(() => listener.bind(ANY)).toThrow(VIOError)
    listener.closeIO(new VFIOCompleted())
    expect(listener.address).toBeNull()
    expect(listener.fileno()).toBe(-1)
    expect(() => listener.bind(ANY)).toThrow(VIOError)
  })

  it('takes a server that is bound, and one that listens [VE-106 VE-107]', async () => {
    const { reactor } = startReactor()
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const taken: VSocketPeer[] = []
    const factory = ({ peer, sock }: VClientParts): IVSocket => {
      taken.push(peer)
      return new VClientSocketAgent(reactor, sock)
    }
    const listener = new VListeningSocket(reactor, server, { listening: true, factory })
    onTestFinished(() => void listener.closeIO(new VFIOLost()))
    expect(() => listener.bind(ANY)).toThrow(VIOError)
    expect(() => listener.listen()).toThrow(VIOError)
    const socket = await connected(listener.address as VSocketPeer)
    await eventually(() => taken.length === 1)
    socket.destroy()
    expect(() => new VListeningSocket(reactor, {} as never)).toThrow(TypeError)
  })

  it('to an address in use says so with the code of the system, and can be tried again', async () => {
    const { peer } = await running()
    const { listener } = listenerOf()
    const failed = listener.bind(peer)
    await expect(failed).rejects.toBeInstanceOf(VSocketError)
    await expect(failed).rejects.toMatchObject({ code: 'EADDRINUSE', syscall: 'listen' })
    expect(listener.address).toBeNull()
    await expect(listener.bind(ANY)).resolves.toBeInstanceOf(VIPSocketPeer)
  })

  it('refuses what cannot be bound', () => {
    const { reactor } = startReactor()
    expect(() => new VTCPListeningSocket(reactor).bind(new VUnixSocketPeer('/x'))).toThrow(VIOError)
    expect(() => new VUnixListeningSocket(reactor).bind(ANY)).toThrow(VIOError)
    expect(() => new VListeningSocket(reactor).bind(new VUnixSocketPeer(`/${'x'.repeat(200)}`))).toThrow(
      VAddressError,
    )
    expect(() => new VListeningSocket(reactor, null, { maxConnections: 0 })).toThrow(RangeError)
    expect(() => new VClientSocketFactory(5 as never)).toThrow(TypeError)
  })

  it('that is overtaken by a close fails, and leaves nothing listening', async () => {
    const { listener } = listenerOf()
    const bound = listener.bind(ANY)
    listener.closeIO(new VFIOCompleted())
    await expect(bound).rejects.toBeInstanceOf(VSocketError)
  })
})

describe('the path of a Unix listener', () => {
  it('is gone after the close', async () => {
    const { listener, peer } = await running({}, 'unix')
    const { path } = peer as VUnixSocketPeer
    expect(existsSync(path)).toBe(true)
    listener.closeIO(new VFIOCompleted())
    await eventually(() => !existsSync(path))
  })

  it('is taken over from a process that is gone, if that is asked for', async () => {
    const path = freeUnixPath()
    const { spawnSync } = await import('node:child_process')
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', script])
    expect(existsSync(path)).toBe(true)
    const peer = new VUnixSocketPeer(path)
    await expect(listenerOf().listener.bind(peer)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(listenerOf({ removeStale: true }).listener.bind(peer)).resolves.toBe(peer)
  })

  it('is never taken from one who listens, and never removed if it is no socket', async () => {
    const { peer } = await running({}, 'unix')
    await expect(listenerOf({ removeStale: true }).listener.bind(peer)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    const { writeFileSync } = await import('node:fs')
    const path = freeUnixPath()
    writeFileSync(path, 'x')
    const file = new VUnixSocketPeer(path)
    await expect(listenerOf({ removeStale: true }).listener.bind(file)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    expect(existsSync(path)).toBe(true)
  })
})

describe('listening', () => {
  it('begins with listen, not with bind, and is done once [VE-108]', async () => {
    const { listener, built } = listenerOf()
    expect(() => listener.listen()).toThrow(VIOError)
    const peer = await listener.bind(ANY)
    const socket = await connected(peer)
    await eventually(() => listener.waiting === 1)
    expect(built).toHaveLength(0)
    listener.listen()
    expect(() => listener.listen()).toThrow(VIOError)
    await eventually(() => built.length === 1)
    socket.destroy()
  })

  it('hands one connection out for each grant, in controlled mode [VE-109]', async () => {
    const { client, built, listener } = await running({ controlled: true })
    await client()
    await client()
    await eventually(() => listener.waiting === 2)
    listener.canAccept()
    await eventually(() => built.length === 1)
    await loopRounds()
    expect([built.length, listener.waiting]).toEqual([1, 1])
    listener.canAccept(2)
    await eventually(() => built.length === 2)
    await client()
    await eventually(() => built.length === 3)
    expect(() => listener.canAccept(0)).toThrow(RangeError)
  })

  it('takes no notice of grants, uncontrolled [VE-109]', async () => {
    const { client, built, listener } = await running()
    listener.canAccept()
    await client()
    await client()
    await eventually(() => built.length === 2)
  })

  it('pauses and goes on', async () => {
    const { client, built, listener } = await running()
    listener.pause()
    await client()
    await eventually(() => listener.waiting === 1)
    await loopRounds()
    expect(built).toHaveLength(0)
    listener.resume()
    await eventually(() => built.length === 1)
  })

  it('lets further connections wait, unread, when there are enough', async () => {
    const { client, built, listener } = await running({ maxConnections: 1 })
    const first = await client()
    await eventually(() => built.length === 1)
    const second = await client()
    second.write('waits')
    await eventually(() => listener.waiting === 1)
    await loopRounds()
    expect([built.length, listener.connections]).toEqual([1, 1])
    first.destroy()
    built[0]?.reset()
    await eventually(() => built.length === 2)
    const device = built[1]?.device
    await eventually(() => device?.readable === true)
    expect(device?.readSome(100).toString()).toBe('waits')
  })

  it('resets what comes when too many wait, and counts it', async () => {
    const { client, listener, peer } = await running({ controlled: true, maxWaiting: 1 })
    await client()
    await eventually(() => listener.waiting === 1)
    const third = dropped(peer)
    await eventually(() => third.ended === 'lost')
    expect([listener.waiting, listener.droppedCount]).toEqual([1, 1])
  })

  it('never closes halfway, and writes nothing [VE-110]', async () => {
    const { listener, reactor } = await running()
    expect([listener.halfClosePolicy.halfIn, listener.halfClosePolicy.halfOut]).toEqual([false, false])
    listener.startWriting()
    listener.stopWriting()
    expect(reactor.writers).toEqual([])
    listener.closeInput(new VFIOCompleted())
    expect(listener.closed).toBe(true)
  })
})

describe('what fails while a connection is taken', () => {
  it('is an error about no factory, and the listener goes on [VE-91]', async () => {
    const { reactor, logged } = startReactor()
    const bare = new VListeningSocket(reactor)
    onTestFinished(() => void bare.closeIO(new VFIOLost()))
    const peer = await bare.bind(ANY)
    bare.listen()
    for (let count = 1; count < 3; count += 1) {
      const far = dropped(peer)
      await eventually(() => far.ended === 'lost')
      await eventually(
        () => logged.filter(({ error }) => String(error).includes('no factory')).length === count,
      )
    }
    expect(bare.closed).toBe(false)
    expect(bare.connections).toBe(0)
  })

  it('calls an override of accepted with the socket and its peer [VE-91]', async () => {
    const { reactor } = startReactor()
    const taken: [Socket, VSocketPeer][] = []
    class Taking extends VListeningSocket {
      protected override accepted(sock: Socket, peer: VSocketPeer): null {
        taken.push([sock, peer])
        return null
      }
    }
    const listener = new Taking(reactor, null, { transport: 'net' })
    const peer = await listener.bind(ANY)
    listener.listen()
    const own = await connected(peer)
    await eventually(() => taken.length === 1)
    expect(taken[0]?.[1]).toMatchObject({ port: own.localPort })
    expect(taken[0]?.[0].isPaused()).toBe(true)
    expect(await listener.drain(0)).toBe(1)
    own.destroy()
  })

  it('costs one connection when the factory throws [VE-92]', async () => {
    let fails = true
    const { reactor, logged } = startReactor()
    const listener = await listenTCP(reactor, {}, () => {
      if (fails) throw new Error('no client today')
    })
    onTestFinished(() => void listener.drain(0))
    const far = dropped(listener.address)
    await eventually(() => far.ended === 'lost')
    expect(logged.some(({ error }) => String(error).includes('no client today'))).toBe(true)
    fails = false
    const next = await connected(listener.address as VSocketPeer)
    await eventually(() => listener.connections === 1)
    next.destroy()
  })

  it('costs nothing when a callback throws; clientClose reaches the clients [VE-106]', async () => {
    let closes = 0
    const broken = (): never => {
      throw new Error('broken')
    }
    const { client, built, logged } = await running({
      acceptCallback: broken,
      clientClose: () => (closes += 1),
    })
    const socket = await client()
    await eventually(() => built.length === 1)
    await eventually(() => logged.some(({ message }) => message.includes('accept callback')))
    built[0]?.closeIO(new VFIOLost())
    await eventually(() => closes === 1)
    socket.destroy()
  })

  it('closes hosts that are not accepted as lost, before anything is attached [VE-S25]', async () => {
    const asked: VSocketPeer[] = []
    const answers = [false, true]
    const acceptHost = (peer: VSocketPeer): boolean => {
      asked.push(peer)
      return answers.shift() ?? false
    }
    const { client, built, listener, peer } = await running({ acceptHost })
    const refused = dropped(peer)
    await eventually(() => refused.ended === 'lost')
    expect([built.length, asked.length, listener.connections]).toEqual([0, 1, 0])
    await client()
    await eventually(() => built.length === 1)
    expect(asked[1]).toBeInstanceOf(VIPSocketPeer)
  })

  it('takes a host filter that throws for a no [VE-S25]', async () => {
    const acceptHost = (): never => {
      throw new Error('broken filter')
    }
    const { peer, built, logged } = await running({ acceptHost })
    const far = dropped(peer)
    await eventually(() => far.ended === 'lost')
    expect(built).toHaveLength(0)
    expect(logged.some(({ message }) => message.includes('acceptHost'))).toBe(true)
  })
})

describe('draining', () => {
  it('takes no more, and ends when the clients have', async () => {
    const { client, built, listener, peer } = await running()
    const socket = await client()
    await eventually(() => built.length === 1)
    let resets: number | undefined
    void listener.drain().then((count) => {
      resets = count
    })
    const late = connect((peer as VIPSocketPeer).native)
    await new Promise<void>((refused) => late.once('error', () => refused()))
    await loopRounds()
    expect(resets).toBeUndefined()
    socket.resume()
    socket.end()
    built[0]?.closeIO(new VFIOCompleted())
    await eventually(() => resets !== undefined)
    expect(resets).toBe(0)
  })

  it('resets at the deadline what is left, and what was waiting at once', async () => {
    const { client, built, listener } = await running({ maxConnections: 1 })
    const far = farOn(await client())
    await eventually(() => built.length === 1)
    const waiting = farOn(await client())
    await eventually(() => listener.waiting === 1)
    const drained = listener.drain(30)
    await eventually(() => waiting.ended === 'lost')
    expect(far.ended).toBe('no')
    expect(await drained).toBe(1)
    await eventually(() => far.ended === 'lost')
    expect(listener.connections).toBe(0)
    expect(built[0]?.closed).toBe(true)
    await expect(listener.drain(-1)).rejects.toBeInstanceOf(RangeError)
  })

  it('resets a client that closed cleanly and whose peer does not read', async () => {
    const { client, built, listener } = await running()
    const socket = await client()
    await eventually(() => built.length === 1)
    const [agent] = built
    if (agent === undefined) throw new Error('no agent')
    while (agent.device.writable) agent.device.writeSome(Buffer.alloc(65_536))
    agent.closeIO(new VFIOCompleted())
    await loopRounds()
    expect(listener.connections).toBe(1)
    expect(await listener.drain(5)).toBe(1)
    socket.destroy()
  })

  it('is what disposal does', async () => {
    const { reactor } = startReactor()
    const path = freeUnixPath()
    {
      await using listener = await listenUnix(reactor, path, () => undefined)
      expect(listener.address).toBeInstanceOf(VUnixSocketPeer)
    }
    await eventually(() => !existsSync(path))
  })
})

it('an echo server is a listener and a factory of agents [VE-94]', async () => {
  const { reactor } = startReactor()
  const server = await listenTCP(reactor, { host: '127.0.0.1' }, (agent) => {
    agent.byteProduce.attach(agent.byteConsume)
  })
  onTestFinished(() => void server.drain(0))
  const socket = farOn(await connected(server.address as VSocketPeer))
  socket.write(Buffer.from('x'))
  await eventually(() => socket.read().toString() === 'x')
})
