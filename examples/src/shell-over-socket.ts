/** A shell at the other end of a Unix socket, which only this user can open: `shell-over-socket`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chain, VStream } from '@vio/io/facade'
import { VChild } from '@vio/pipe'
import { VReactor } from '@vio/reactor'
import { connectUnix, listenUnix } from '@vio/sock'

const reactor = new VReactor()
reactor.start()
// The folder has the mode 0700, so nobody else gets to the socket in it.
const folder = mkdtempSync(join(tmpdir(), 'shell-'))
const path = join(folder, 'socket')

const server = await listenUnix(reactor, path, (agent) => {
  const shell = new VChild(reactor, 'sh', [], { cleanWhen: 'any' })
  chain(agent, shell, agent)
  shell.exited.then(({ exitCode }) => console.log(`the shell ended with ${exitCode}`))
})

const client = new VStream((await connectUnix(reactor, path)).byteIO)
client.end('echo "6 times 7 is $((6 * 7))"\nexit 3\n')
console.log(String(await client.readAll()).trimEnd())
await server.drain(1000)
rmSync(folder, { recursive: true })
reactor.stop()
