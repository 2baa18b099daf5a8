/**
 * When a path is told, and when once more.
 */
import { VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import type { VUDPTransport } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import type { VCliEvent } from '../../packages/cli/src/index.js'
import { PathTeller } from '../../packages/cli/src/path-teller.js'

const DIRECT = { type: 'path', kind: 'direct', family: 4 } as const
const RELAYED = { type: 'path', kind: 'relay', relay: 'r', why: 'x' } as const

function teller() {
  const host = new VirtualHost()
  const reactor = new VReactor({ host })
  reactor.start()
  const told: VCliEvent[] = []
  const paths = new PathTeller(reactor, (event) => told.push(event))
  const measured = { smoothedRttMs: -1 }
  const transport = { stats: () => measured } as unknown as VUDPTransport
  return { host, told, paths, measured, transport }
}

describe('a path', () => {
  it('is told at once, and again when its round trip is known', () => {
    const { host, told, paths, measured, transport } = teller()
    paths.tell(DIRECT)
    paths.connected(transport)
    host.advance(1_000)
    expect(told).toEqual([DIRECT])
    measured.smoothedRttMs = 23.456
    host.advance(1_000)
    expect(told).toEqual([DIRECT, { ...DIRECT, rttMs: 23.5 }])
    host.advance(60_000)
    expect(told).toHaveLength(2)
  })

  it('is told once where its round trip is known, and not again when another one has come', () => {
    const { host, told, paths, measured, transport } = teller()
    paths.connected(transport)
    paths.tell({ ...DIRECT, rttMs: 5 })
    host.advance(1_000)
    paths.tell(DIRECT)
    paths.tell(RELAYED)
    measured.smoothedRttMs = 40
    host.advance(1_000)
    expect(told).toEqual([{ ...DIRECT, rttMs: 5 }, DIRECT, RELAYED, { ...RELAYED, rttMs: 40 }])
  })

  it('is not looked for any more in the end', () => {
    const { host, told, paths, measured, transport } = teller()
    paths.connected(transport)
    paths.tell(DIRECT)
    paths.close()
    measured.smoothedRttMs = 5
    host.advance(1_000)
    expect(told).toEqual([DIRECT])
    paths.tell(RELAYED)
    host.advance(1_000)
    expect(told).toEqual([DIRECT, RELAYED])
  })
})
