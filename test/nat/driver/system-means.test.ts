/**
 * The surroundings of a connecter on a real machine: what was closed is not over before what it has sent is gone.
 */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { VReactor } from '@vio/reactor'
import { expect, it, onTestFinished } from 'vitest'
import type { ConnecterLink } from '../../../packages/nat/src/driver/connecter-means.js'
import { systemMeans } from '../../../packages/nat/src/driver/system-means.js'

it('has no links any more once those that were closed have sent what waited', async () => {
  const reactor = new VReactor()
  reactor.start()
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    reactor.stop()
    server.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  const means = systemMeans(reactor, { tls: null, linkTimeoutMs: 10_000 })
  await means.whenNoLinks()
  const come = once(server, 'connection') as Promise<[Socket]>
  const link = await new Promise<ConnecterLink>((onOpen, onClose) => {
    means.link(`127.0.0.1:${port}`, { onOpen, onClose, onBytes: () => undefined })
  })
  const [socket] = await come
  const bytes: Buffer[] = []
  socket.on('data', (piece: Buffer) => bytes.push(piece))
  link.send(Buffer.from('the last word'))
  link.close()
  let isOver = false
  const over = means.whenNoLinks().then(() => {
    isOver = true
  })
  await Promise.resolve()
  await Promise.resolve()
  expect(isOver).toBe(false)
  await once(socket, 'end')
  expect(Buffer.concat(bytes).toString()).toBe('\0the last word')
  socket.end()
  await over
})
