/**
 * A whole relay on real sockets: four ways in by one port, pairs by UDP and by stream, limits, and its end.
 */
import { describe, expect, it } from 'vitest'
import { carries, SCHEMES, startRelay, until } from './relay-rig.js'

describe('one port', () => {
  it.each(SCHEMES)('is spoken to by %s', async (scheme) => {
    const relay = await startRelay()
    const { parties } = await relay.meet(scheme)
    parties[0].send({ type: 'pass', data: 'aGVsbG8=' })
    expect(await parties[1].next('pass')).toEqual({ type: 'pass', data: 'aGVsbG8=' })
    parties[1].send({ type: 'done' })
    expect(await parties[0].next('left')).toEqual({ type: 'left', reason: 'done' })
    parties[0].link?.close()
    await parties[0].end()
    expect(parties[0].error).toBeUndefined()
    await until(() => relay.host.stats().connections === 1, 'one connection left')
  })

  it('tells each the address that it is seen at, and two ports of STUN', async () => {
    const relay = await startRelay()
    const party = await relay.connect('wss')
    const { you, stun } = await party.next('welcome')
    expect(you).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(stun).toHaveLength(2)
    expect(stun[0]).toEqual({ host: '', port: relay.port })
  })
})

describe('a relayed pair', () => {
  it('carries a megabyte each way by UDP', async () => {
    const relay = await startRelay()
    const { legs } = await relay.meet()
    const [left, right] = [await relay.bindUDP(legs[0]), await relay.bindUDP(legs[1])]
    await carries(left, right)
    await carries(right, left)
    expect(relay.host.stats()).toMatchObject({ pairs: 1, relayedDatagrams: 2_000, relayedBytes: 2_000_000 })
  })

  it.each(SCHEMES)('carries a megabyte each way, one leg by UDP and one by %s', async (scheme) => {
    const relay = await startRelay()
    const { legs } = await relay.meet()
    const [left, right] = [await relay.bindUDP(legs[0]), await relay.bindStream(legs[1], scheme)]
    await carries(left, right)
    await carries(right, left)
    expect(relay.host.stats().streams).toBe(1)
  })
})
