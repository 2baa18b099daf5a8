/**
 * What docs/nat.md shows, as a program: a relay, a code, and two connecters that find each other by it.
 */
import { toNodeDuplex } from '@vio/io/facade'
import { type VConnecterEvent, VRelayHost, VUDPConnecter } from '@vio/nat'
import { VReactor } from '@vio/reactor'
import { expect, it } from 'vitest'

it('connects two sides by a code', async () => {
  const reactor = new VReactor()
  reactor.start()
  const host = new VRelayHost(reactor, { host: '127.0.0.1', port: 0, otherPort: 0 })
  await host.listen()
  const relays = [String(host.address)]
  let told: (code: string) => void = () => undefined
  const code = new Promise<string>((known) => {
    told = known
  })
  const onEvent = (event: VConnecterEvent): void => {
    if (event.type === 'code') told(event.code)
  }
  // #region connect
  const connecter = new VUDPConnecter(reactor, { relays, onEvent })
  const connecting = connecter.connect({ signal: AbortSignal.timeout(60_000) })
  // #endregion connect
  // #region join
  const other = new VUDPConnecter(reactor, { relays, code: await code })
  const transport = await other.connect()
  const stream = toNodeDuplex(transport.byteIO)
  // #endregion join
  stream.end('hello')
  stream.resume()
  const pieces: Buffer[] = []
  const here = toNodeDuplex((await connecting).byteIO)
  here.end()
  for await (const piece of here) pieces.push(piece as Buffer)
  expect(Buffer.concat(pieces).toString()).toBe('hello')
  await Promise.all([connecter.whenReleased, other.whenReleased])
  await host.close()
  reactor.stop()
})
