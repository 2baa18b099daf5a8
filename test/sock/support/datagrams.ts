/**
 * Datagram sockets on this machine for tests, and what they received.
 */
import { type IVDatagramPort, type VIPSocketPeer, VTransmitBatch } from '@vio/io'
import type { IVDatagramPair, IVDatagramRig } from '@vio/io/testing'
import { VDatagramSocket, type VDatagramSocketOptions } from '@vio/sock'

/** How long a test waits for something that has to come. Far more than it takes. */
const PATIENCE_MS = 10_000

/** Lets the loop look at its sockets once or twice. */
export function turns(count = 2): Promise<void> {
  return new Promise((done) => {
    const next = (left: number): void => {
      if (left === 0) done()
      else setImmediate(next, left - 1)
    }
    next(count)
  })
}

/** Waits until `done`; rejects if that takes too long. */
export async function until(done: () => boolean, what = 'what was waited for'): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS
  while (!done()) {
    if (Date.now() > giveUpAt) throw new Error(`${what} did not come within ${PATIENCE_MS} ms`)
    await new Promise((again) => setTimeout(again, 1))
  }
}

/** A batch that holds the texts as segments. */
export function batchOf(peer: VIPSocketPeer | null, ...texts: readonly string[]): VTransmitBatch {
  const batch = new VTransmitBatch()
  batch.begin(peer)
  for (const text of texts) batch.commit(batch.buffer.write(text, batch.end))
  return batch
}

/** Takes `count` datagrams as texts. */
export async function texts(port: IVDatagramPort, count: number): Promise<string[]> {
  const found: string[] = []
  const handleDatagram = (bytes: Buffer, start: number, end: number): void => {
    found.push(bytes.toString('utf8', start, end))
  }
  await until(() => {
    port.receive({ handleDatagram })
    return found.length >= count
  }, `${count} datagrams`)
  return found
}

/** A rig of sockets that are bound with the given options. */
export function socketRig(options: VDatagramSocketOptions): IVDatagramRig {
  const made: VDatagramSocket[] = []
  const bind = async (more: VDatagramSocketOptions = {}): Promise<VDatagramSocket> => {
    const socket = await VDatagramSocket.bind({ ...options, ...more })
    made.push(socket)
    return socket
  }
  return {
    pair: async (wanted = {}): Promise<IVDatagramPair> => ({ a: await bind(), b: await bind(wanted) }),
    connected: async (): Promise<IVDatagramPair> => {
      const b = await bind()
      return { a: await bind({ remote: b.localPeer }), b }
    },
    until,
    quiet: () => new Promise((done) => setTimeout(done, 10)),
    close: async () => {
      for (const each of made) await each[Symbol.asyncDispose]()
    },
  }
}

/** True if this machine has IPv6 on its loopback. */
export async function hasIPv6(): Promise<boolean> {
  try {
    await using socket = await VDatagramSocket.bind({ host: '::1' })
    return socket.closed === null
  } catch {
    return false
  }
}
