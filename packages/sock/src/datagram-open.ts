/**
 * Opens a socket of `node:dgram` as a plan says: made, bound, connected where it has a peer, its options set.
 *
 * Decides the order of it, and what becomes of a system that refuses a size. Invariant: what fails leaves no socket open.
 */
import { createSocket, type Socket } from 'node:dgram'
import type { DatagramPlan } from './datagram-options.js'
import { socketError } from './errno.js'

/** @throws (rejects) VSocketError with the system's code, or the reason of `signal` */
export async function openSocket(plan: DatagramPlan, signal: AbortSignal | undefined): Promise<Socket> {
  const socket = newSocket(plan)
  try {
    await bound(socket, plan)
    applyOptions(socket, plan)
    signal?.throwIfAborted()
  } catch (error) {
    socket.close()
    throw error
  }
  return socket
}

/** A socket that asks nobody for the address of an address. */
function newSocket(plan: DatagramPlan): Socket {
  return createSocket({
    type: plan.ipVersion === 4 ? 'udp4' : 'udp6',
    reuseAddr: plan.reuseAddr,
    ipv6Only: plan.ipv6Only,
    ...(plan.reusePort ? { reusePort: true } : {}),
    lookup: (host, _options, found) => found(null, host, plan.ipVersion),
  })
}

/** Binds and, where asked to, connects. The socket has a listener for errors from then on. */
function bound(socket: Socket, plan: DatagramPlan): Promise<void> {
  return new Promise((done, failed) => {
    const where = `a datagram socket on ${plan.host} port ${plan.port}`
    socket.on('error', (error) => failed(socketError(where, error)))
    socket.on('listening', () => {
      if (plan.remote === null) done()
      else
        socket.connect(plan.remote.port, plan.remoteHost, (error?: Error) => {
          if (error === undefined) done()
          else failed(socketError(`a datagram socket to ${plan.remote}`, error))
        })
    })
    // A port that a cluster shares would give this process no errors of its own.
    socket.bind({ address: plan.host, port: plan.port, exclusive: true })
  })
}

function applyOptions(socket: Socket, plan: DatagramPlan): void {
  grant(plan.receiveBufferBytes, (sizeBytes) => socket.setRecvBufferSize(sizeBytes))
  grant(plan.sendBufferBytes, (sizeBytes) => socket.setSendBufferSize(sizeBytes))
  try {
    if (plan.broadcast) socket.setBroadcast(true)
    if (plan.multicastTtl !== undefined) socket.setMulticastTTL(plan.multicastTtl)
    if (plan.multicastLoopback !== undefined) socket.setMulticastLoopback(plan.multicastLoopback)
  } catch (error) {
    throw socketError('the options of a datagram socket', error)
  }
}

/** Some systems refuse what they would not grant, others grant less: the most that it takes, and else what it had. */
function grant(sizeBytes: number, set: (sizeBytes: number) => void): void {
  for (let asked = sizeBytes; asked >= 1; asked = Math.floor(asked / 2)) {
    try {
      set(asked)
      return
    } catch {}
  }
}
