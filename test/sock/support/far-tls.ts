/**
 * The other side of a secured connection in a test: Node's own TLS, over plain sockets or pipes of `node:net`.
 */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { TLSSocket, connect as tlsConnect } from 'node:tls'
import type { IVFarEnd } from '@vio/io/testing'
import type { VTLSVersion } from '@vio/sock'
import type { TestCertificates } from '../../lib/certificates.js'
import { farOn } from './far-socket.js'

/** What carries the sealed bytes: a socket for each direction, which may be the same one. */
export interface FarLine {
  readonly input: Socket
  readonly output: Socket
  /** Breaks the connection. */
  readonly reset: () => void
}

/** Which side of TLS the near end is, and with what. */
export interface FarTLSOptions {
  readonly side: 'client' | 'server'
  readonly version: VTLSVersion
  readonly certificates: TestCertificates
}

/**
 * The stream that the far side's TLS is given: it does not tell the end of what is below, so that the end which TLS
 * tells is a sealed one. Node's own cannot tell the two apart.
 */
class FarWire extends Duplex {
  readonly #line: FarLine
  /** Nothing more comes from below. */
  over = false

  constructor(line: FarLine) {
    super({ allowHalfOpen: true, highWaterMark: 65_536 })
    this.#line = line
    const { input, output } = line
    this.on('error', () => undefined)
    input.on('data', (piece: Buffer) => {
      if (!this.push(piece)) input.pause()
    })
    for (const socket of new Set([input, output])) socket.on('error', () => this.destroy())
    for (const end of ['end', 'close'] as const) {
      input.on(end, () => {
        this.over = true
      })
    }
  }

  override _read(): void {
    this.#line.input.resume()
  }

  override _write(piece: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#line.output.write(piece, done)
  }

  override _final(done: () => void): void {
    this.#line.output.end(done)
  }

  override _destroy(_error: Error | null, done: () => void): void {
    this.#line.input.destroy()
    this.#line.output.destroy()
    done()
  }
}

/** How many looks later than the end of what is below the sealed end may be told. */
const LOOKS = 20

/** A far end that speaks TLS; a reset is one of what is below. */
export function farTLS(
  line: FarLine,
  { side, version, certificates }: FarTLSOptions,
): IVFarEnd & { readonly socket: Socket } {
  const wire = new FarWire(line)
  const tls =
    side === 'client'
      ? new TLSSocket(wire, { isServer: true, ...certificates.server })
      : tlsConnect({ socket: wire, rejectUnauthorized: false, maxVersion: version })
  const far = farOn(tls)
  const seen = Object.getOwnPropertyDescriptor(far, 'ended')?.get as () => IVFarEnd['ended']
  let looks = 0
  Object.defineProperty(far, 'ended', {
    get: () => {
      const ended = seen.call(far)
      if (ended !== 'no' || !wire.over || tls.readableLength > 0) return ended
      looks += 1
      return looks > LOOKS ? 'lost' : 'no'
    },
  })
  return Object.assign(far, { reset: line.reset })
}
