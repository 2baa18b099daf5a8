/**
 * How a connecter ends without a connection: each way has its error, and leaves no socket, no link and no timer.
 */
import { createServer, type Socket } from 'node:net'
import { CODE_WORDS, VConnecterError, VRendezvousError, VUDPConnecter } from '@vio/nat'
import { VReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { VUDPLost, VUT_CODE } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { Ground, type Side, streamOf } from './lib/pair.js'
import { descriptors, until } from './relay-rig.js'

/** How it ended, once nothing is left of it. */
async function failure(side: Side): Promise<Error> {
  const error = await side.connecting.then(
    () => new Error('it connected'),
    (reason: Error) => reason,
  )
  await side.connecter.whenReleased
  expect(side.phases.at(-1)).toBe('closed')
  return error
}

describe('a code', () => {
  it('with wrong words ends both, and says so to both', async () => {
    await using ground = await Ground.open()
    const maker = ground.side()
    const [room] = (await maker.code()).split('-')
    const others = CODE_WORDS.filter((word) => !maker.of('code')[0]?.code.includes(word))
    const wrong = ground.side({ code: `${room}-${others[0]}-${others[1]}` })
    for (const side of [maker, wrong]) {
      const error = await failure(side)
      expect(error).toBeInstanceOf(VRendezvousError)
      expect(['wrong-words', 'burnt']).toContain((error as VRendezvousError).reason)
    }
  })

  it('is of no use a second time', async () => {
    await using ground = await Ground.open()
    const [a, b] = await ground.pair()
    const code = await a.code()
    await Promise.all([a.connecting, b.connecting])
    const third = ground.side({ code })
    const error = await failure(third)
    expect(error).toMatchObject({ reason: 'room-full' })
    expect(error.message).toMatch(/make a new one/)
  })

  it('of a room that is not there is refused by name', async () => {
    await using ground = await Ground.open()
    const error = await failure(ground.side({ code: `999-${CODE_WORDS[0]}-${CODE_WORDS[1]}` }))
    expect(error).toMatchObject({ reason: 'no-such-room' })
  })
})

describe('what takes too long', () => {
  it('is given up: nobody comes', async () => {
    await using ground = await Ground.open()
    const maker = ground.side({ meetTimeoutMs: 50 })
    const error = await failure(maker)
    expect(error).toBeInstanceOf(VConnecterError)
    expect(error).toMatchObject({ phase: 'meeting', reason: 'timeout' })
    expect(error.message).toMatch(/nobody came .* the code that was shown/)
  })

  it('is given up: a relay that says nothing, and one that is not there', async () => {
    await using ground = await Ground.open(0)
    const sockets: Socket[] = []
    const silent = createServer((socket) => sockets.push(socket))
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening))
    const { port } = silent.address() as { port: number }
    const relays = [`127.0.0.1:${port}`, '127.0.0.1:1']
    const side = ground.side({ relays, connectTimeoutMs: 200 })
    const error = await failure(side)
    expect(error).toMatchObject({ phase: 'gathering', reason: 'no-relay' })
    expect(error.message).toContain(relays[0])
    expect(error.message).toContain(relays[1])
    for (const socket of sockets) socket.destroy()
    silent.close()
  })

  it('is given up: a direct path that there is not, and it says what was tried and what would help', async () => {
    await using ground = await Ground.open()
    // Datagrams from one loopback address to another family's never arrive.
    const [a, b] = await ground.pair(
      { path: 'direct', connectTimeoutMs: 400 },
      { path: 'direct', connectTimeoutMs: 400, bind: '::1' },
    )
    for (const side of [a, b]) {
      const error = await failure(side)
      expect(error).toMatchObject({ phase: 'punching', reason: 'path-refused' })
      expect(error.message).toMatch(/tried \d+ datagrams to \d+ addresses/)
      expect(error.message).toMatch(/allow the relay/)
    }
  })
})

describe('what cannot be', () => {
  it('is refused at once: paths that exclude each other', async () => {
    await using ground = await Ground.open()
    const [a, b] = await ground.pair({ path: 'direct' }, { path: 'relay' })
    for (const side of [a, b]) {
      const error = await failure(side)
      expect(error).toMatchObject({ phase: 'exchanging', reason: 'path-refused' })
      expect(error.message).toMatch(/leave --path out/)
    }
  })

  it('is refused at once: a port that is taken', async () => {
    await using ground = await Ground.open()
    await using taken = await VDatagramSocket.bind({ host: '127.0.0.1' })
    const error = await failure(ground.side({ port: taken.localPeer.port }))
    expect(error).toMatchObject({ phase: 'gathering', reason: 'socket' })
    expect(error.message).toMatch(new RegExp(`port ${taken.localPeer.port}.*choose another`))
  })

  it('is refused at once: options that are none', () => {
    const reactor = new VReactor()
    const make = (options: object) => () => new VUDPConnecter(reactor, options as never)
    const relays = ['relay.example']
    expect(make({ relays: [] })).toThrow(/1 to 8 relays, got 0/)
    expect(make({})).toThrow(/relays, got none/)
    expect(make({ relays: ['http://x'] })).toThrow(/tcp, tls, ws, wss/)
    expect(make({ relays, code: 'seven' })).toThrow(/number of a room/)
    expect(make({ relays, path: 'fast' })).toThrow(/'auto', 'direct' or 'relay', got fast/)
    expect(make({ relays, port: 70_000 })).toThrow(/0 to 65535, got 70000/)
    expect(make({ relays, bind: 'here' })).toThrow(/numeric one, got "here"/)
    expect(make({ relays, meetTimeoutMs: 0 })).toThrow(/meetTimeoutMs .* got 0/)
    expect(make({ relays, connectTimeoutMs: Number.NaN })).toThrow(/connectTimeoutMs .* got NaN/)
    expect(make({ relays, userData: Buffer.alloc(257) })).toThrow(/at most 256 bytes, got 257/)
  })

  it('is refused: a second connect, and one that was aborted before', async () => {
    await using ground = await Ground.open()
    const side = ground.side()
    await expect(side.connecter.connect()).rejects.toThrow(/connects once/)
    const other = new VUDPConnecter(ground.reactor, { relays: ground.relays })
    await expect(other.connect({ signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
    side.connecter.close()
    expect(await failure(side)).toMatchObject({ reason: 'closed' })
  })

  it('is refused by the application of the other side', async () => {
    await using ground = await Ground.open()
    const [a, b] = await ground.pair(
      { vut: { allow: (_peer, userData) => Buffer.from(userData).toString() === 'friend' } },
      { userData: Buffer.from('stranger') },
    )
    expect(await failure(a)).toBeInstanceOf(VUDPLost)
    // The side that begins is connected for as long as the answer of the other one takes.
    const refused = await b.connecting.then(
      async (transport) => (await transport.whenClosed).value,
      (reason: Error) => reason,
    )
    expect(refused).toMatchObject({ closeCode: VUT_CODE.refused })
  })
})

const PHASES = ['gathering', 'meeting', 'authenticating', 'exchanging', 'punching'] as const

describe('a signal', () => {
  it.each(PHASES)('ends it in the phase %s', async (phase) => {
    await using ground = await Ground.open()
    const reason = new Error(`no more: ${phase}`)
    const before = descriptors()
    const abortAt = (side: () => Side) => (event: { type: string; phase?: string }) => {
      if (event.type === 'phase' && event.phase === phase) side().abort(reason)
    }
    const maker: Side = ground.side({ path: 'direct' })
    if (phase === 'gathering') maker.abort(reason)
    else if (phase === 'meeting') {
      await maker.code()
      maker.abort(reason)
    } else {
      const joiner: Side = ground.side({
        code: await maker.code(),
        path: 'direct',
        onEvent: (event) => queueMicrotask(() => abortAt(() => joiner)(event)),
      })
      expect(await failure(joiner)).toBe(reason)
      maker.abort(reason)
    }
    expect(await failure(maker)).toBe(reason)
    await until(() => descriptors() <= before, 'the descriptors of before')
  })

  it('has no effect on a connection that stands', async () => {
    await using ground = await Ground.open()
    const pair = await ground.pair()
    const [left, right] = (await Promise.all(pair.map(({ connecting }) => connecting))).map(streamOf)
    for (const side of pair) side.abort(new Error('too late'))
    left?.end('still here')
    right?.end()
    const pieces: Buffer[] = []
    for await (const piece of right ?? []) pieces.push(piece as Buffer)
    expect(Buffer.concat(pieces).toString()).toBe('still here')
  })
})
