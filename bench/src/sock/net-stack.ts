/**
 * Plain `node:net`, as its documentation has it: `data` events, `write` until it says no, `drain`, `pipe` for an echo.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { type Flow, type FlowTerms, type Mode, type Served, type Stack, Tally } from './stack.js'

const held: Socket[] = []

function serveSink(socket: Socket, loadBytes: number): void {
  let left = loadBytes
  socket.on('data', (data) => {
    left -= data.length
    if (left > 0) return
    left += loadBytes
    socket.write('.')
  })
}

function serveOn(socket: Socket, mode: Mode, loadBytes: number): void {
  socket.on('error', () => socket.destroy())
  if (mode === 'echo') socket.pipe(socket)
  else if (mode === 'sink') serveSink(socket, loadBytes)
  else if (mode === 'hold') {
    held.push(socket)
    socket.on('data', () => undefined)
  } else {
    socket.resume()
    socket.end()
  }
}

function opened(port: number): Promise<Socket> {
  return new Promise((done, failed) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }, () =>
      done(socket),
    )
    socket.on('error', failed)
  })
}

function writeAll(socket: Socket, chunk: Buffer, loadBytes: number): void {
  let left = loadBytes
  const go = (): void => {
    while (left > 0) {
      left -= chunk.length
      if (!socket.write(chunk) && left > 0) {
        socket.once('drain', go)
        return
      }
    }
  }
  go()
}

/** The stack that the others are compared with. */
export const netStack: Stack = {
  serve: (mode, loadBytes): Promise<Served> => {
    let accepted = 0
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      accepted += 1
      serveOn(socket, mode, loadBytes)
    })
    return new Promise((done) => {
      server.listen({ port: 0, host: '127.0.0.1', backlog: 511 }, () => {
        const { port } = server.address() as AddressInfo
        done({ port, accepted: () => accepted })
      })
    })
  },

  flow: async ({ port, chunkBytes, echo }: FlowTerms): Promise<Flow> => {
    const socket = await opened(port)
    const chunk = Buffer.alloc(chunkBytes, 1)
    const tally = new Tally()
    socket.on('data', (data) => tally.add(data.length))
    return {
      run: async (loadBytes) => {
        const arrived = tally.next(echo ? loadBytes : 1)
        writeAll(socket, chunk, loadBytes)
        return echo ? await arrived : (await arrived) * loadBytes
      },
    }
  },

  cycle: (port) =>
    new Promise((done, failed) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
      socket.on('error', failed)
      socket.on('end', () => socket.end())
      socket.on('close', () => done())
      socket.resume()
    }),

  hold: async (port) => {
    const socket = await opened(port)
    socket.on('data', () => undefined)
    held.push(socket)
  },
}
