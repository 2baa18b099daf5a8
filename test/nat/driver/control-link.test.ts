/**
 * Links to a relay: how they come about, what they refuse, how they end.
 */
import { createHash } from 'node:crypto'
import { createServer as createHTTP } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { VIOTimeout } from '@vio/io'
import {
  type IVControlLink,
  openControlLink,
  parseRelayAddress,
  VControlLinkError,
  type VControlLinkOptions,
} from '@vio/nat'
import { VTLSUnauthorized } from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testCertificates } from '../../lib/certificates.js'
import { skipUnless } from '../../lib/skip.js'
import { hasIPv6 } from '../../sock/support/datagrams.js'
import { startReactor } from '../../sock/support/reactor.js'
import { descriptors, SCHEMES, startRelay, until } from './relay-rig.js'

/** A place that takes connections and does with them what a test says. */
async function place(take: (socket: Socket) => void, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    take(socket)
  })
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return await listening(server, host)
}

function listening(server: Server, host = '127.0.0.1'): Promise<number> {
  return new Promise((found) => server.listen(0, host, () => found((server.address() as AddressInfo).port)))
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** One unmasked frame of a WebSocket (RFC 6455 section 5.2). */
function frame(head: number, payload: Buffer): Buffer {
  if (payload.length < 126) return Buffer.concat([Buffer.of(head, payload.length), payload])
  const length = Buffer.alloc(10, 0)
  length.set([head, 127])
  length.writeUInt32BE(payload.length, 6)
  return Buffer.concat([length, payload])
}

/** A WebSocket server by hand, which sends `bytes` right behind its answer. */
async function webPlace(bytes: Buffer): Promise<{
  readonly port: number
  path(): string
  closedWith(): number
}> {
  let [path, code] = ['', 0]
  const port = await place((socket) => {
    let text = ''
    socket.on('data', (data) => {
      if (path !== '') {
        // A close frame of a client: masked, two bytes of code at least.
        if (data[0] === 0x88) code = (data.readUInt16BE(6) ^ data.readUInt16BE(2)) & 0xffff
        socket.end(frame(0x88, Buffer.of(0x03, 0xe8)))
        return
      }
      text += data.toString('latin1')
      if (!text.includes('\r\n\r\n')) return
      path = /^GET (\S+) /.exec(text)?.[1] ?? ''
      const key = /^sec-websocket-key: (.*)\r$/im.exec(text)?.[1] ?? ''
      const accept = createHash('sha1')
        .update(key + GUID)
        .digest('base64')
      const head = [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${accept}`,
      ]
      socket.write(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]))
    })
  })
  return { port, path: () => path, closedWith: () => code }
}

/** A link and what it told. */
class Watched {
  readonly pieces: Buffer[] = []
  ends = 0
  error: Error | undefined
  readonly handlers: Pick<VControlLinkOptions, 'onMessage' | 'onClose'> = {
    onMessage: (bytes) => void this.pieces.push(bytes),
    onClose: (error) => {
      this.ends += 1
      this.error = error
    },
  }

  get bytes(): Buffer {
    return Buffer.concat(this.pieces)
  }
}

function open(
  text: string,
  options: Partial<VControlLinkOptions> = {},
): { readonly watched: Watched; readonly link: Promise<IVControlLink> } {
  const watched = new Watched()
  const { reactor } = startReactor()
  const link = openControlLink(reactor, parseRelayAddress(text), { ...watched.handlers, ...options })
  link.then(
    (made) => onTestFinished(() => made.close()),
    () => undefined,
  )
  return { watched, link }
}

describe('a link that does not come about', () => {
  it('rejects with the reason of the system where nobody listens', async () => {
    const port = await place(() => undefined)
    const gone = createServer()
    const free = await listening(gone)
    gone.close()
    expect(port).not.toBe(free)
    for (const scheme of SCHEMES) {
      const { link, watched } = open(`${scheme}://127.0.0.1:${free}`)
      await expect(link).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      expect(watched.ends).toBe(0)
    }
  })

  it.each(['tls', 'ws', 'wss'])('is given up in time if nobody answers: %s', async (scheme) => {
    const sockets: Socket[] = []
    const port = await place((socket) => void sockets.push(socket))
    const { link, watched } = open(`${scheme}://127.0.0.1:${port}`, { timeoutMs: 60 })
    await expect(link).rejects.toBeInstanceOf(VIOTimeout)
    await until(
      () =>
        sockets.every(({ readableEnded, destroyed, errored }) => {
          sockets[0]?.resume()
          return readableEnded || destroyed || errored !== null
        }),
      'a connection that was let go',
    )
    expect(watched.ends).toBe(0)
  })

  it.each(SCHEMES)('rejects with the reason of its signal: %s', async (scheme) => {
    const port = await place(() => undefined)
    const reason = new Error('mine')
    await expect(
      open(`${scheme}://127.0.0.1:${port}`, { signal: AbortSignal.abort(reason) }).link,
    ).rejects.toBe(reason)
    if (scheme === 'tcp') return
    const later = new AbortController()
    const { link } = open(`${scheme}://127.0.0.1:${port}`, { signal: later.signal })
    setTimeout(() => later.abort(reason), 30)
    await expect(link).rejects.toBe(reason)
  })

  it('is not made to a server whose certificate is not to be trusted, or for another name', async () => {
    const relay = await startRelay()
    for (const scheme of ['tls', 'wss']) {
      const { link } = open(`${scheme}://127.0.0.1:${relay.port}`)
      await expect(link).rejects.toBeInstanceOf(VTLSUnauthorized)
      const other = open(`${scheme}://127.0.0.1:${relay.port}`, {
        tls: { trusted: relay.trusted, serverName: 'other.example' },
      })
      await expect(other.link).rejects.toBeInstanceOf(VTLSUnauthorized)
    }
  })

  it('says that what answers is no relay', async () => {
    const web = createHTTP((_request, response) => response.writeHead(404).end())
    const port = await listening(web)
    onTestFinished(() => void web.close())
    const { link } = open(`ws://127.0.0.1:${port}/x`)
    await expect(link).rejects.toThrow(VControlLinkError)
    await expect(link).rejects.toThrow(/is no relay: it answered HTTP 404/)
    const junk = await place((socket) => void socket.end('SSH-2.0-Something\r\n'))
    await expect(open(`ws://127.0.0.1:${junk}`).link).rejects.toThrow(VControlLinkError)
    await expect(open(`tls://127.0.0.1:${junk}`).link).rejects.toMatchObject({ code: expect.any(String) })
  })

  it('leaves no descriptor behind', async (context) => {
    skipUnless(context, descriptors() > 0, 'the system does not tell how many descriptors are open')
    const { reactor } = startReactor()
    // A connection that is given up before it is there may end politely.
    const port = await place((socket) => void socket.resume().on('end', () => socket.destroy()))
    const before = descriptors()
    for (let round = 0; round < 10; round += 1) {
      for (const scheme of ['tls', 'ws', 'wss'] as const) {
        const address = parseRelayAddress(`${scheme}://127.0.0.1:${port}`)
        const link = openControlLink(reactor, address, { ...new Watched().handlers, timeoutMs: 5 })
        await expect(link).rejects.toBeInstanceOf(VIOTimeout)
      }
    }
    // Each connection had two ends in this process; those that were accepted end when they read the reset.
    await until(() => descriptors() <= before + 2, 'the descriptors of before')
  })
})

describe('a link that stands', () => {
  it('tells by its first byte that nothing stands between', async () => {
    const got: Buffer[] = []
    const port = await place((socket) => void socket.on('data', (bytes) => got.push(bytes)))
    const link = await open(`127.0.0.1:${port}`).link
    expect(link.remote.port).toBe(port)
    expect(link.send(Buffer.from('hello'))).toBe(true)
    await until(() => Buffer.concat(got).length === 6, 'six bytes')
    expect(Buffer.concat(got).toString('latin1')).toBe('\0hello')
  })

  it('takes so much and no more while the other side does not read, and all of it arrives', async () => {
    let far: Socket | undefined
    const port = await place((socket) => {
      far = socket
      socket.pause()
    })
    const maxQueuedBytes = 100_000
    const link = await open(`127.0.0.1:${port}`, { maxQueuedBytes }).link
    let taken = 0
    let refusals = 0
    const piece = (at: number): Buffer => Buffer.alloc(10_000, at % 251)
    while (refusals < 50) {
      // The systems between hold a few megabytes at most.
      expect(taken).toBeLessThan(5_000)
      if (link.send(piece(taken))) taken += 1
      else {
        refusals += 1
        await new Promise((next) => setTimeout(next, 2))
      }
    }
    const got: Buffer[] = []
    far?.on('data', (bytes) => got.push(bytes))
    far?.resume()
    await until(() => Buffer.concat(got).length >= 1 + taken * 10_000, 'everything that was taken')
    const wanted = Buffer.concat([Buffer.of(0), ...Array.from({ length: taken }, (_, at) => piece(at))])
    expect(Buffer.concat(got).equals(wanted)).toBe(true)
    expect(link.send(piece(0))).toBe(true)
    // Not even in part, however empty it is.
    expect(link.send(Buffer.alloc(maxQueuedBytes + 1))).toBe(false)
  })

  it('sends what waits before it closes, and tells its end once', async () => {
    const got: Buffer[] = []
    let hasEnded = false
    const port = await place((socket) => {
      socket.on('data', (bytes) => got.push(bytes))
      socket.on('end', () => {
        hasEnded = true
        socket.end()
      })
    })
    const { link, watched } = open(`127.0.0.1:${port}`)
    const made = await link
    made.send(Buffer.alloc(200_000, 1))
    made.close()
    made.close()
    expect(made.send(Buffer.of(1))).toBe(false)
    await until(() => hasEnded && watched.ends > 0, 'the end on both sides')
    expect(Buffer.concat(got)).toHaveLength(200_001)
    expect(watched).toMatchObject({ ends: 1, error: undefined })
  })

  it('ends when the other side ends, also if that one only stops sending', async () => {
    const port = await place((socket) => void socket.end('bye'))
    const { link, watched } = open(`127.0.0.1:${port}`)
    await link
    await until(() => watched.ends > 0, 'the end')
    expect(watched.bytes.toString()).toBe('bye')
    expect(watched).toMatchObject({ ends: 1, error: undefined })
  })

  it('tells that it was lost', async () => {
    const port = await place((socket) => void socket.once('data', () => socket.resetAndDestroy()))
    const { link, watched } = open(`127.0.0.1:${port}`)
    await link
    await until(() => watched.ends > 0, 'the end')
    expect(watched.ends).toBe(1)
    expect(watched.error).toBeInstanceOf(Error)
  })

  it.each(SCHEMES)('is closed at once by its signal: %s', async (scheme) => {
    const relay = await startRelay()
    const later = new AbortController()
    const { link, watched } = open(`${scheme}://127.0.0.1:${relay.port}`, {
      signal: later.signal,
      tls: { trusted: relay.trusted, serverName: 'localhost' },
    })
    await link
    const reason = new Error('enough')
    later.abort(reason)
    expect(watched).toMatchObject({ ends: 1, error: reason })
    await until(() => relay.host.stats().connections === 0, 'a relay without connections')
  })

  it('gives the bytes of a WebSocket as they come, and refuses text and what is too long', async () => {
    const good = await webPlace(frame(0x82, Buffer.from('at once')))
    const first = open(`ws://127.0.0.1:${good.port}/relay`)
    await first.link
    await until(() => first.watched.bytes.length > 0, 'the first bytes')
    expect(first.watched.bytes.toString()).toBe('at once')
    expect(good.path()).toBe('/relay')
    for (const [bytes, code] of [
      [frame(0x81, Buffer.from('text')), 1003],
      [frame(0x82, Buffer.alloc(200_000)), 1009],
    ] as const) {
      const bad = await webPlace(bytes)
      const { link, watched } = open(`ws://127.0.0.1:${bad.port}`)
      await link
      await until(() => watched.ends > 0 && bad.closedWith() === code, `a close with ${code}`)
      expect(watched.ends).toBe(1)
      expect(watched.error).toBeInstanceOf(Error)
      expect(watched.bytes).toHaveLength(0)
    }
  })

  it('goes by IPv6', async (context) => {
    skipUnless(context, await hasIPv6(), 'no IPv6 on the loopback interface')
    const { server, authority } = await testCertificates()
    const relay = await startRelay({ host: '::1', tls: server })
    for (const scheme of SCHEMES) {
      const { link, watched } = open(`${scheme}://[::1]:${relay.port}`, {
        tls: { trusted: authority.cert },
      })
      expect((await link).remote.host).toBe('::1')
      await until(() => watched.bytes.includes('"you":"[::1]:'), 'the welcome')
      const made = await link
      made.close()
      await until(() => watched.ends === 1, 'the end')
    }
  })
})
