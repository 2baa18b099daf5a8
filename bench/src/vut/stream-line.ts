/**
 * The connections that VUT is compared with, each a Node stream: plain TCP, TLS, and udx with a Noise stream over it.
 *
 * TLS agrees by a key that both sides have, so that no certificate has to be made; its cipher is the one of VUT.
 */
import { createRequire } from 'node:module'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { type TLSSocket, connect as tlsConnect, createServer as tlsServer } from 'node:tls'
import type { Line, LineEnd } from './line.js'

const require = createRequire(import.meta.url)
const PSK = {
  ciphers: 'PSK-AES128-GCM-SHA256',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
} as const
const KEY = Buffer.alloc(32, 'key')

/** As much of udx-native as is used. */
interface Udx {
  createSocket(): { bind(port: number, host: string): void; address(): { port: number } }
  createStream(id: number): Duplex & {
    connect(socket: unknown, farId: number, farPort: number, farHost: string): void
  }
}

/** Why udx-native cannot be had, or undefined. */
export function udxMissing(): string | undefined {
  try {
    require('udx-native')
    require('@hyperswarm/secret-stream')
    return undefined
  } catch (error) {
    return `udx-native or @hyperswarm/secret-stream cannot be loaded: ${String(error).split('\n', 1)[0]}`
  }
}

function lineOf(stream: Duplex): Line {
  stream.on('error', (error) => {
    throw error
  })
  return {
    onBytes: (got) => void stream.on('data', got),
    write: (bytes) => void stream.write(bytes),
    writeLoad: (chunk, loadBytes) => {
      let left = loadBytes
      const go = (): void => {
        while (left > 0) {
          const size = Math.min(left, chunk.length)
          left -= size
          if (!stream.write(size === chunk.length ? chunk : chunk.subarray(0, size)) && left > 0) {
            stream.once('drain', go)
            return
          }
        }
      }
      go()
    },
  }
}

/** One side over TCP, with TLS if that is asked for. */
export async function tcpEnd(isServer: boolean, tls: boolean): Promise<LineEnd> {
  if (!isServer) return { port: 0, connect: (farPort) => tcpClient(farPort, tls) }
  let accepted: (stream: Duplex) => void = () => undefined
  const first = new Promise<Duplex>((done) => {
    accepted = done
  })
  const server = tls
    ? tlsServer({ ...PSK, pskCallback: () => KEY, noDelay: true }, (socket) => accepted(socket))
    : createServer({ noDelay: true }, (socket) => accepted(socket))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { port: (server.address() as AddressInfo).port, connect: async () => lineOf(await first) }
}

function tcpClient(port: number, tls: boolean): Promise<Line> {
  const where = { port, host: '127.0.0.1', noDelay: true }
  return new Promise((done) => {
    const socket: Duplex & { once(event: string, listener: () => void): unknown } = tls
      ? (tlsConnect({
          ...where,
          ...PSK,
          pskCallback: () => ({ psk: KEY, identity: 'bench' }),
          checkServerIdentity: () => undefined,
        }) as TLSSocket)
      : connect(where)
    socket.once(tls ? 'secureConnect' : 'connect', () => done(lineOf(socket)))
  })
}

/** One side over udx, encrypted by a Noise handshake and a secret stream. */
export async function udxEnd(isServer: boolean): Promise<LineEnd> {
  const UDX = require('udx-native') as new () => Udx
  const SecretStream = require('@hyperswarm/secret-stream') as new (
    isInitiator: boolean,
    stream: Duplex,
  ) => Duplex & { readonly opened: Promise<boolean> }
  const udx = new UDX()
  const socket = udx.createSocket()
  socket.bind(0, '127.0.0.1')
  const [ownId, farId] = isServer ? [1, 2] : [2, 1]
  const raw = udx.createStream(ownId)
  return {
    port: socket.address().port,
    connect: async (farPort) => {
      raw.connect(socket, farId, farPort, '127.0.0.1')
      const stream = new SecretStream(!isServer, raw)
      await stream.opened
      return lineOf(stream)
    },
  }
}
