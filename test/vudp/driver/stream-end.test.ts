/**
 * The end of a further stream: told once it has arrived, also where the other direction was over before.
 */
import { VFIOCompleted } from '@vio/io'
import { chain, VStream } from '@vio/io/facade'
import { VReactor } from '@vio/reactor'
import { VDatagramSocket } from '@vio/sock'
import { type VUDPStream, VUDPTransport } from '@vio/vudp'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SECRET_A, SECRET_B } from './rigs.js'

/** A stream as both sides see it, the one that opened it first. */
async function openedStream(): Promise<readonly [VUDPStream, VUDPStream]> {
  const reactor = new VReactor()
  reactor.start()
  const far = await VDatagramSocket.bind({ host: '127.0.0.1' })
  const near = await VDatagramSocket.bind({ host: '127.0.0.1' })
  const secrets = { secret: SECRET_A, peerSecret: SECRET_B }
  const turned = { secret: SECRET_B, peerSecret: SECRET_A }
  const a = new VUDPTransport(reactor, { socket: near, peer: far.localPeer, ...secrets })
  const b = new VUDPTransport(reactor, { socket: far, peer: near.localPeer, ...turned })
  onTestFinished(async () => {
    a.closeIO(new VFIOCompleted())
    b.closeIO(new VFIOCompleted())
    await Promise.all([a.whenClosed, b.whenClosed])
    near.close()
    far.close()
    reactor.stop()
  })
  await Promise.all([a.whenConnected, b.whenConnected])
  const mine = a.openStream() as VUDPStream
  const theirs = new Promise<VUDPStream>((resolve) => b.onStream(resolve))
  mine.writeSome(Buffer.from('?'))
  return [mine, await theirs]
}

describe('a further stream whose input ended first', () => {
  it.each([1, 300_000, 3_000_000])(
    'tells the clean end of %i bytes once they have arrived',
    async (sizeBytes) => {
      const [asking, answering] = await openedStream()
      const asked = VStream.over(asking)
      asked.end()
      const question = VStream.over(answering)
      expect(String(await question.readAll())).toBe('?')
      question.end(Buffer.alloc(sizeBytes, 'answer'))
      expect((await asked.readAll()).length).toBe(sizeBytes)
      expect((await question.closed).clean).toBe(true)
      expect((await asked.closed).clean).toBe(true)
    },
  )

  it('tells a chain that its sink has carried the end out', async () => {
    const [asking, answering] = await openedStream()
    const asked = VStream.over(asking)
    asked.end('everything comes back '.repeat(20_000))
    const back = chain(answering, answering)
    expect((await asked.readAll()).length).toBe(1 + 440_000)
    expect((await back.done).clean).toBe(true)
  })
})
