/**
 * Several relays, and relays that go away: which one is used, and that a connection outlives its relay.
 */
import { describe, expect, it } from 'vitest'
import { testCertificates } from '../../lib/certificates.js'
import { allOf, Ground, type Side, streamOf } from './lib/pair.js'
import { until } from './relay-rig.js'

async function greet([a, b]: readonly [Side, Side]): Promise<void> {
  const [left, right] = [streamOf(await a.connecting), streamOf(await b.connecting)]
  left.end('from the left')
  right.end('from the right')
  expect(String(await allOf(left))).toBe('from the right')
  expect(String(await allOf(right))).toBe('from the left')
}

describe('of several relays', () => {
  it('any will do, in whichever order they are named', async () => {
    await using ground = await Ground.open(3)
    const maker = ground.side({ path: 'relay' })
    const joiner = ground.side({
      path: 'relay',
      relays: [...ground.relays].reverse(),
      code: await maker.code(),
    })
    await greet([maker, joiner])
    const used = [maker, joiner].map((side) => side.of('path')[0]?.relay)
    expect(new Set(used).size).toBe(1)
    expect(ground.relays).toContain(used[0])
    await Promise.all([maker.connecter.whenReleased, joiner.connecter.whenReleased])
    await until(() => ground.hosts.every((host) => host.stats().rooms === 0), 'the end of all rooms')
  })

  it('those that are not there are told, and do without', async () => {
    await using ground = await Ground.open()
    const relays = ['127.0.0.1:1', ...ground.relays]
    const pair = await ground.pair({ relays }, { relays })
    await greet(pair)
    for (const side of pair) {
      expect(side.of('warning')).toContainEqual(expect.objectContaining({ code: 'relay-unreachable' }))
    }
  })

  it('the one that only this side names is passed over for the one that both do', async () => {
    await using ground = await Ground.open(2)
    const [first, second] = ground.relays as [string, string]
    const maker = ground.side({ relays: [second] })
    const joiner = ground.side({ relays: [first, second], code: await maker.code() })
    await greet([maker, joiner])
  })
})

describe('a relay is reached', () => {
  it.each(['tcp', 'tls', 'ws', 'wss'] as const)('by %s, and its certificate is checked', async (scheme) => {
    const { authority, server } = await testCertificates()
    await using ground = await Ground.open(1, { tls: server })
    const relays = [`${scheme}://localhost:${ground.hosts[0]?.address?.port}`]
    const tls = { trusted: authority.cert }
    await greet(await ground.pair({ relays, tls, path: 'relay' }, { relays, tls, path: 'relay' }))
    if (scheme === 'tcp' || scheme === 'ws') return
    const wary = ground.side({ relays, connectTimeoutMs: 5_000 })
    await expect(wary.connecting).rejects.toMatchObject({ reason: 'no-relay' })
    await wary.connecter.whenReleased
  })
})

describe('a relay that is killed', () => {
  it('is not missed by a direct connection', async () => {
    await using ground = await Ground.open()
    const pair = await ground.pair({ path: 'direct' }, { path: 'direct' })
    await Promise.all(pair.map(({ connecting }) => connecting))
    await ground.hosts[0]?.close()
    await greet(pair)
  })

  it('in the middle of a relayed transfer, and started again at its port, carries the rest', async () => {
    await using ground = await Ground.open()
    const pair = await ground.pair({ path: 'relay' }, { path: 'relay' })
    const [left, right] = (await Promise.all(pair.map(({ connecting }) => connecting))).map(streamOf)
    if (left === undefined || right === undefined) throw new Error('there are two sides')
    const [host] = ground.hosts
    const port = host?.address?.port ?? 0
    const sizeBytes = 8_000_000
    let got = 0
    let killed: Promise<unknown> | null = null
    right.on('data', (piece: Buffer) => {
      got += piece.length
      if (killed !== null || got < sizeBytes / 4) return
      killed = (async () => {
        await host?.close()
        await ground.openRelay({ port })
      })()
    })
    right.end()
    left.end(Buffer.alloc(sizeBytes, 7))
    await new Promise((ended) => right.once('end', ended))
    expect(killed).not.toBe(null)
    expect(got).toBe(sizeBytes)
    left.resume()
    await killed
  })

  it('while a code waits, ends the wait with an error', async () => {
    await using ground = await Ground.open()
    const maker = ground.side()
    await maker.code()
    await ground.hosts[0]?.close()
    await expect(maker.connecting).rejects.toMatchObject({
      reason: expect.stringMatching(/closing|link-lost/),
    })
    await maker.connecter.whenReleased
  })
})
