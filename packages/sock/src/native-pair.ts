/**
 * Plain sockets of Node: one that is not connected, and two that are connected to each other.
 *
 * Node has no `socketpair`: a pair is made by a listener that exists as long as the pair is being made. Decides how the
 * two know each other: over TCP by their addresses, over Unix sockets by a secret in a folder that only this user can
 * enter. Invariant: nothing is left behind, neither a listener nor a path, and a stranger that comes in between is
 * dropped.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { socketError } from './errno.js'

const SECRET_BYTES = 16

/** Whether `accepted` is what `own` is connected to. */
type Verifier = (own: Socket, accepted: Socket) => Promise<boolean>

/** A pair of connected TCP sockets on the loopback address: half-open allowed, paused. @throws (rejects) VSocketError */
export async function createTCPPair(): Promise<[Socket, Socket]> {
  try {
    return await pairOn({ host: '127.0.0.1', port: 0 }, byAddress)
  } catch (error) {
    throw socketError('no pair of sockets could be made', error)
  }
}

/** A pair of connected Unix sockets: half-open allowed, paused. @throws (rejects) VSocketError */
export async function createUnixPair(): Promise<[Socket, Socket]> {
  let folder: string | undefined
  try {
    folder = await mkdtemp(join(tmpdir(), 'vio-pair-'))
    return await pairOn({ path: join(folder, 's') }, bySecret)
  } catch (error) {
    throw socketError('no pair of sockets could be made', error)
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }
}

async function pairOn(where: ListenOptions, isOurs: Verifier): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  let own: Socket | undefined
  try {
    await listening(server, where)
    const accepted = new Promise<Socket>((found, failed) => {
      server.on('error', failed)
      server.on('connection', (socket: Socket) => {
        socket.on('error', () => undefined)
        const judged = (ours: boolean): void => (ours ? found(socket) : void socket.destroy())
        own === undefined ? socket.destroy() : isOurs(own, socket).then(judged, failed)
      })
    })
    accepted.catch(() => undefined)
    own = connecting(server)
    await connected(own)
    return [own, await accepted]
  } catch (error) {
    own?.destroy()
    throw error
  } finally {
    server.close()
  }
}

function listening(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((done, failed) => {
    server.once('error', failed)
    server.listen(where, () => {
      server.off('error', failed)
      done()
    })
  })
}

function connecting(server: Server): Socket {
  const address = server.address()
  const where =
    typeof address === 'object' && address !== null
      ? { host: address.address, port: address.port }
      : { path: String(address) }
  const socket = connect({ ...where, allowHalfOpen: true })
  socket.pause()
  return socket
}

function connected(socket: Socket): Promise<void> {
  return new Promise((done, failed) => {
    socket.once('connect', done)
    socket.on('error', failed)
  })
}

const byAddress: Verifier = async (own, accepted) => {
  if (own.connecting) await connected(own)
  return accepted.remotePort === own.localPort && accepted.remoteAddress === own.localAddress
}

const bySecret: Verifier = async (own, accepted) => {
  const secret = randomBytes(SECRET_BYTES)
  own.write(secret)
  const got = await firstBytes(accepted)
  return got.length === SECRET_BYTES && timingSafeEqual(got, secret)
}

/** The first bytes of a socket, which is paused and not listened to afterwards. */
function firstBytes(socket: Socket): Promise<Buffer> {
  return new Promise((found) => {
    const look = (): void => {
      const bytes = socket.read(SECRET_BYTES) as Buffer | null
      if (bytes === null && !socket.readableEnded && !socket.destroyed) return
      for (const event of ['readable', 'end', 'close']) socket.off(event, look)
      socket.pause()
      found(bytes ?? Buffer.alloc(0))
    }
    for (const event of ['readable', 'end', 'close']) socket.on(event, look)
  })
}
