/**
 * How a relay and its parts end: a leg that is killed, a party that stops reading, a drain, a close; and what it tells of
 * itself meanwhile.
 */
import { request } from 'node:http'
import { VIPSocketPeer } from '@vio/io'
import { encodeRendezvous, VMemoryDirectory, VRelayHost, VRelayServer, VRendezvousServer } from '@vio/nat'
import { VReactor } from '@vio/reactor'
import { VirtualHost, VSeededRandom } from '@vio/reactor/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { LinkHandlers, WatchedLink } from '../../../packages/nat/src/driver/link.js'
import { RelayCore } from '../../../packages/nat/src/driver/relay-core.js'
import { testCertificates } from '../../lib/certificates.js'
import { skipUnless } from '../../lib/skip.js'
import { startReactor } from '../../sock/support/reactor.js'
import { natCrypto } from '../lib/nat-crypto.js'
import { SHARE } from '../lib/share.js'
import { carries, descriptors, SCHEMES, startRelay, until } from './relay-rig.js'

const HTTP = { http: { host: '127.0.0.1', port: 0 } }

interface Answer {
  readonly status: number
  readonly text: string
  readonly type: string
}

function ask(host: VRelayHost, path: string, method = 'GET'): Promise<Answer> {
  const port = host.httpAddress?.port ?? 0
  return new Promise((found, failed) => {
    const asked = request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
      let text = ''
      response.on('data', (piece) => {
        text += String(piece)
      })
      const type = response.headers['content-type'] ?? ''
      response.on('end', () => found({ status: response.statusCode ?? 0, text, type }))
    })
    asked.on('error', failed)
    asked.end()
  })
}

describe('the HTTP port', () => {
  it('answers /healthz and /metrics, and nothing else', async () => {
    const { host, meet } = await startRelay(HTTP).then((relay) => ({
      host: relay.host,
      meet: () => relay.meet('wss'),
    }))
    await meet()
    expect(await ask(host, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
    const metrics = await ask(host, '/metrics?x=1')
    expect(metrics).toMatchObject({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' })
    expect(metrics.text).toContain('\nvio_relay_pairs 1\n')
    expect(metrics.text).toContain('\nvio_relay_rooms 1\n')
    expect(metrics.text).toContain('\nvio_relay_links 2\n')
    expect(metrics.text).toMatch(/\nprocess_resident_memory_bytes \d+\n/)
    // Each line is a comment, or a name and a number.
    for (const line of metrics.text.trimEnd().split('\n')) {
      expect(line).toMatch(/^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+ -?[\d.e+]+)$/)
    }
    expect(await ask(host, '/')).toMatchObject({ status: 404 })
    expect(await ask(host, '/metrics', 'POST')).toMatchObject({ status: 405 })
    expect(await ask(host, '/healthz', 'HEAD')).toMatchObject({ status: 200, text: '' })
  })

  it('is not there unless it is asked for', async () => {
    const { host } = await startRelay()
    expect(host.httpAddress).toBeNull()
  })
})

describe('a leg', () => {
  it('that is killed leaves the other pairs alone, and may be bound anew elsewhere', async () => {
    const relay = await startRelay()
    const first = await relay.meet()
    const other = await relay.meet()
    const [left, right] = [await relay.bindUDP(first.legs[0]), await relay.bindStream(first.legs[1], 'tls')]
    const bystanders = [await relay.bindUDP(other.legs[0]), await relay.bindUDP(other.legs[1])] as const
    await carries(left, right, { sizeBytes: 50_000 })
    right.party.link?.close()
    await until(() => relay.host.stats().streams === 0, 'a stream that is gone')
    left.send(Buffer.alloc(100, 0x40))
    await carries(bystanders[0], bystanders[1], { sizeBytes: 50_000 })
    const again = await relay.bindStream(first.legs[1], 'ws')
    // What came for it meanwhile was kept, as far as a few datagrams go.
    await until(() => again.received.length === 1, 'the datagram that waited')
    again.received.length = 0
    await carries(left, again, { sizeBytes: 50_000 })
    await left.close()
    const moved = await relay.bindUDP(first.legs[0])
    await carries(again, moved, { sizeBytes: 50_000 })
    await carries(moved, again, { sizeBytes: 50_000 })
  })

  it('that does not read costs its own datagrams and nobody else', async () => {
    const relay = await startRelay()
    const [first, other] = [await relay.meet(), await relay.meet()]
    const left = await relay.bindUDP(first.legs[0])
    const right = await relay.bindStream(first.legs[1])
    const others = [await relay.bindUDP(other.legs[0]), await relay.bindStream(other.legs[1])] as const
    // Whatever comes is kept from the chain, so that the socket fills up.
    const blocked = await relay.blockedStream(first.legs[1])
    const before = process.memoryUsage().arrayBuffers
    for (let round = 0; relay.host.stats().undeliveredDatagrams < 500 && round < 4_000; round += 1) {
      for (let at = 0; at < 32; at += 1) left.send(Buffer.alloc(1_400, 0x40))
      await new Promise((next) => setTimeout(next, 1))
    }
    expect(relay.host.stats().undeliveredDatagrams).toBeGreaterThanOrEqual(500)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100e6)
    expect(right.party.isClosed).toBe(true)
    await carries(others[0], others[1], { sizeBytes: 50_000 })
    blocked.destroy()
  })
})

/** A link that takes what a test lets it take. */
class StubbornLink implements WatchedLink {
  readonly remote = new VIPSocketPeer('198.51.100.1', 4_000)
  queuedBytes = 0
  passedBytes = 0
  isOpen = true
  isFull = false
  dropped: Error | undefined
  readonly #handlers: LinkHandlers

  constructor(handlers: LinkHandlers) {
    this.#handlers = handlers
  }

  /** Opens a room: without one a link is closed after a while. */
  enter(): void {
    this.#handlers.onMessage(encodeRendezvous({ type: 'create', share: SHARE }))
  }

  send(bytes: Uint8Array): boolean {
    if (this.isFull) return false
    this.queuedBytes += bytes.length
    return true
  }

  close(): void {
    this.#handlers.onClose()
  }

  drop(error: Error): void {
    this.dropped = error
    this.#handlers.onClose(error)
  }
}

/** Links that a test has in its hand, at both servers, on virtual time. */
function coreOnVirtualTime(): { core: RelayCore; host: VirtualHost; link: () => StubbornLink } {
  const host = new VirtualHost()
  const reactor = new VReactor({ host })
  reactor.start()
  const random = new VSeededRandom(3)
  const rendezvous = new VRendezvousServer({ directory: new VMemoryDirectory(random) }, random)
  const relay = new VRelayServer({}, natCrypto, random)
  const core = new RelayCore(reactor, { rendezvous, relay, kickUDP: () => undefined })
  onTestFinished(() => {
    core.stop()
    reactor.stop()
  })
  const link = (): StubbornLink => {
    let made: StubbornLink | undefined
    core.open((handlers) => {
      made = new StubbornLink(handlers)
      return made
    })
    return made as unknown as StubbornLink
  }
  return { core, host, link }
}

describe('a link', () => {
  it('that takes nothing for half a minute is dropped, and one that takes a little is not', () => {
    const { core, host, link } = coreOnVirtualTime()
    const [stuck, slow] = [link(), link()]
    for (const each of [stuck, slow]) each.enter()
    for (let second = 0; second < 60; second += 1) {
      host.advance(1_000)
      if (second === 28) expect(stuck.dropped).toBeUndefined()
      slow.passedBytes += 1
    }
    expect(stuck.dropped).toBeInstanceOf(Error)
    expect(slow.dropped).toBeUndefined()
    expect(core.openLinks).toBe(1)
    expect(core.counts.stuck).toBe(1)
  })

  it('that has no room for a message is dropped, and one that is being closed may end in peace', () => {
    const { core, link } = coreOnVirtualTime()
    const [full, closing] = [link(), link()]
    for (const each of [full, closing]) each.isFull = true
    closing.isOpen = false
    for (const each of [full, closing]) each.enter()
    expect(full.dropped).toBeInstanceOf(Error)
    expect(closing.dropped).toBeUndefined()
    expect(core.counts.stuck).toBe(1)
  })
})

describe('the end of a relay', () => {
  it('drains: rooms are told, pairs go on while they carry something, /healthz says so', async () => {
    const relay = await startRelay(HTTP)
    const waiting = await relay.enter('ws')
    waiting.send({ type: 'create', share: SHARE })
    await waiting.next('created')
    const { legs } = await relay.meet()
    const [left, right] = [await relay.bindUDP(legs[0]), await relay.bindStream(legs[1], 'wss')]
    let isLate = false
    const deadline = relay.reactor.schedule(8_000, () => {
      isLate = true
    })
    const drained = relay.host.drain(8_000)
    expect(await waiting.next('left')).toEqual({ type: 'left', reason: 'closing' })
    await waiting.end()
    expect(await ask(relay.host, '/healthz')).toMatchObject({ status: 503, text: 'draining\n' })
    await expect(relay.enter()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await carries(left, right, { sizeBytes: 50_000 })
    await drained
    deadline.cancel()
    expect(isLate).toBe(false)
    await until(
      () => right.party.isClosed && left.events.some(({ type }) => type === 'refused'),
      'word to both legs',
    )
    expect(left.events.at(-1)).toEqual({ type: 'refused', reason: 'closing' })
    expect(right.party.error).toBeUndefined()
    expect(relay.host.address).toBeNull()
    await expect(ask(relay.host, '/healthz')).rejects.toBeInstanceOf(Error)
  })

  it('tells both legs of a pair when it is closed, by UDP alone as well', async () => {
    const relay = await startRelay()
    const { parties, legs } = await relay.meet()
    const both = [await relay.bindUDP(legs[0]), await relay.bindUDP(legs[1])]
    for (const { link } of parties) link?.close()
    await until(() => relay.host.stats().connections === 0, 'a relay without connections')
    await relay.host.close()
    await until(() => both.every(({ events }) => events.at(-1)?.type === 'refused'), 'word to both legs')
  })

  it('drains at once when nothing is relayed', async () => {
    const relay = await startRelay()
    await relay.enter()
    await relay.host.drain(3_600_000)
    expect(relay.host.address).toBeNull()
  })

  it('leaves no descriptor behind, whatever there was', async (context) => {
    skipUnless(context, descriptors() > 0, 'the system does not tell how many descriptors are open')
    const { reactor } = startReactor()
    const { server } = await testCertificates()
    const before = descriptors()
    for (let round = 0; round < 3; round += 1) {
      const relay = await startRelay(HTTP)
      for (const scheme of SCHEMES) {
        const { legs } = await relay.meet(scheme)
        const [left, right] = [await relay.bindUDP(legs[0]), await relay.bindStream(legs[1], scheme)]
        await carries(left, right, { sizeBytes: 2_000 })
        await left.close()
      }
      await Promise.all([relay.host.close(), relay.host.close(), relay.host.drain()])
    }
    const taken = new VRelayHost(reactor, { host: '127.0.0.1', port: 0, tls: server, ...HTTP })
    await taken.listen()
    const port = taken.address?.port ?? 0
    const second = new VRelayHost(reactor, { host: '127.0.0.1', port, ...HTTP })
    await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(second.listen()).rejects.toThrow('begun before')
    await taken.close()
    await until(() => descriptors() <= before, 'the descriptors of before')
  })

  it('shows another certificate from the next connection on, and keeps the present one if that is none', async () => {
    const relay = await startRelay()
    const { renewed, otherAuthority } = await testCertificates()
    const party = await relay.enter('tls')
    expect(() => relay.host.setIdentity({ key: renewed.key, cert: otherAuthority.cert })).toThrow()
    await relay.enter('wss')
    relay.host.setIdentity(renewed)
    await relay.enter('tls')
    expect(party.isClosed).toBe(false)
  })
})
