/**
 * Peers that do not keep to the protocol, streams that run out, and what is left when all is over.
 */
import { VFIOCompleted, VIOLost } from '@vio/io'
import { VReactor } from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import type { VUDPStream } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { AllowList } from '../../../packages/cli/src/forward/allow.js'
import { FORWARD_LIMITS, ForwardLink } from '../../../packages/cli/src/forward/link.js'
import { encodeRequest, type ForwardRequest } from '../../../packages/cli/src/forward/message.js'
import { client, echo, exchange, noise, pairOf, readAll, until } from './rig.js'

describe('ForwardLink', () => {
  function linkOn(): { link: ForwardLink; host: VirtualHost } {
    const host = new VirtualHost()
    const reactor = new VReactor({ host })
    reactor.start()
    const link = new ForwardLink({
      reactor,
      allow: new AllowList([]),
      tell: () => undefined,
      limits: { ...FORWARD_LIMITS, requestTimeoutMs: 1000 },
    })
    return { link, host }
  }

  /** Gives as many streams as it is told to. */
  class Streams {
    left = 0
    given = 0

    openStream(): VUDPStream | null {
      if (this.left === 0) return null
      this.left -= 1
      this.given += 1
      return { id: this.given } as VUDPStream
    }

    sendDatagram(): boolean {
      return false
    }
  }

  it('serves those who wait in turn, once the other side allows more streams', async () => {
    const { link, host } = linkOn()
    const streams = new Streams()
    const order: number[] = []
    const waiting = [1, 2, 3].map((name) => link.open().then(() => order.push(name)))
    link.start(streams)
    streams.left = 2
    host.advance(200)
    await Promise.all(waiting.slice(0, 2))
    expect(order).toEqual([1, 2])
    streams.left = 1
    host.advance(200)
    await Promise.all(waiting)
    expect([order, streams.given]).toEqual([[1, 2, 3], 3])
  })

  it('says no to those who have waited too long, and to all at the close, and leaves no timer', async () => {
    const { link, host } = linkOn()
    link.start(new Streams())
    const late = link.open()
    late.catch(() => undefined)
    host.advance(1200)
    await expect(late).rejects.toThrow(/too many connections/)
    const open = link.open()
    open.catch(() => undefined)
    link.close(new VIOLost('over'))
    await expect(open).rejects.toThrow('over')
    await expect(link.open()).rejects.toThrow('over')
    host.advance(60_000)
    expect(host.alarmAt).toBe(Number.POSITIVE_INFINITY)
  })
})

/** Opens a stream beside the forwarder's own and says what it likes. */
function say(stream: VUDPStream | null, bytes: Uint8Array): VUDPStream {
  if (stream === null) throw new Error('no stream')
  stream.writeSome(bytes)
  return stream
}

/** The status that a stream is answered with; -1 if it ends without. */
async function statusOn(stream: VUDPStream): Promise<number> {
  for (let round = 0; round < 400; round += 1) {
    if (stream.device.readable) return stream.readSome(4)[1] ?? -1
    if (stream.device.inputEnd !== null) return -1
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return -2
}

describe('a peer that does not keep to the protocol', () => {
  it.each<readonly [string, Uint8Array, number]>([
    ['a request of another version', Buffer.from([9, 1, 0, 0]), 7],
    ['a body that is too long', Buffer.from([1, 1, 255, 255]), 7],
    ['a request of an unknown kind', Buffer.from([1, 99, 0, 0]), 7],
    [
      'a host that is none',
      encodeRequest({ kind: 'connect', target: { kind: 'tcp', host: '../x', port: 1 } }),
      7,
    ],
    [
      'a connection to a listener that nobody has asked for',
      encodeRequest({ kind: 'arrived', number: 3, from: 'x' }),
      7,
    ],
    [
      'a path that goes up',
      encodeRequest({ kind: 'connect', target: { kind: 'unix', path: '/run/../etc/x' } }),
      1,
    ],
    [
      'an address as a number',
      encodeRequest({ kind: 'connect', target: { kind: 'tcp', host: '3232235777', port: 80 } }),
      7,
    ],
    [
      'any address',
      encodeRequest({ kind: 'connect', target: { kind: 'tcp', host: '0.0.0.0', port: 80 } }),
      1,
    ],
  ])('is answered with no for %s, and nothing else suffers', async (_, bytes, status) => {
    const port = await echo()
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${port}`]] })
    const stream = say(pair.near.transport.openStream(), bytes)
    expect(await statusOn(stream)).toBe(status)
    stream.closeIO(new VFIOCompleted())
    expect(String((await exchange(pair.port(), Buffer.from('fine'))).bytes)).toBe('fine')
  })

  it('is answered no when it does not come to its point', async () => {
    const pair = await pairOf({ forwards: [['-D', '0']] }, { limits: { requestTimeoutMs: 50 } })
    const stream = say(pair.near.transport.openStream(), Buffer.from([1]))
    expect(await statusOn(stream)).not.toBe(0)
  })

  it('has no more listeners than it may', async () => {
    const pair = await pairOf({ forwards: [['-D', '0']] }, { limits: { maxPeerListeners: 2 } })
    const request: ForwardRequest = {
      kind: 'listen',
      number: 0,
      listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    }
    const open = (): VUDPStream => say(pair.near.transport.openStream(), encodeRequest(request))
    const streams = [open(), open(), open()]
    const statuses = await Promise.all(streams.map(statusOn))
    expect(statuses.sort()).toEqual([0, 0, 6])
    for (const stream of streams) stream.closeIO(new VFIOCompleted())
    await until(() => pair.near.transport.openStream() !== null)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await statusOn(open())).toBe(0)
  })

  it('is done with when it speaks on the first stream', async () => {
    const pair = await pairOf({ forwards: [['-D', '0']] })
    pair.near.transport.writeSome(Buffer.from('more'))
    expect(String(await pair.far.ended)).toMatch(/nothing more was expected/)
    expect(await pair.near.ended).not.toBeNull()
  })

  it('sends datagrams of no flow, and datagrams that are none, to nobody', async () => {
    const pair = await pairOf({ forwards: [['-D', '0']] })
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(3), Buffer.alloc(900, 255)])
      expect(pair.near.transport.sendDatagram(bytes)).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(pair.far.events.filter(({ type }) => type !== 'ready')).toEqual([])
  })
})

describe('what is left', () => {
  it('is no stream and no socket after 300 connections that ended in every way', async () => {
    const port = await echo()
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${port}`]] })
    for (let round = 0; round < 10; round += 1) {
      const sockets = await Promise.all(Array.from({ length: 30 }, () => client(pair.port())))
      const ends = sockets.map(readAll)
      for (const [at, socket] of sockets.entries()) {
        socket.write(noise(2000))
        if (at % 3 === 0) socket.end()
        else if (at % 3 === 1) socket.resetAndDestroy()
        else socket.destroy()
      }
      await Promise.all(ends)
    }
    const closed = (): number => pair.far.events.filter(({ type }) => type === 'closed').length
    const opened = (): number => pair.far.events.filter(({ type }) => type === 'opened').length
    await until(() => closed() === opened() && closed() > 100, 'the end of all')
    const handles = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
    await until(() => handles() === 0, 'all sockets to be closed')
    expect(String((await exchange(pair.port(), Buffer.from('still here'))).bytes)).toBe('still here')
  })
})
