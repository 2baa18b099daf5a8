/**
 * One side of a transfer by VUT, as a process of its own: `peer.mjs send|receive OWN_HOST FAR_HOST BYTES [TIMEOUT_MS]`. The
 * sender makes up the bytes. Each side prints the SHA-256 of what it sent or received, how much that was, and how the
 * connection ended; the code of the error if there was none within the time.
 */
import { createHash, randomBytes } from 'node:crypto'
import { VIPSocketPeer } from '@vio/io'
import { VStream } from '@vio/io/facade'
import { VFIOCompleted, VReactor } from '@vio/reactor'
import { openVUDP } from '@vio/vudp'

const PORT = 4000
const PORTION_BYTES = 65_536
const SECRETS = [Buffer.alloc(32, 'sender'), Buffer.alloc(32, 'receiver')]

const [, , role, host, farHost, size, timeoutMs] = process.argv
const isSender = role === 'send'
const [secret, peerSecret] = isSender ? SECRETS : SECRETS.toReversed()
const digest = createHash('sha256')
let count = 0

function note(bytes) {
  digest.update(bytes)
  count += bytes.length
}

const reactor = new VReactor()
reactor.start()
const transport = await openVUDP(reactor, {
  ...(timeoutMs === undefined ? {} : { timeoutMs: Number(timeoutMs) }),
  bind: { host, port: PORT },
  peer: new VIPSocketPeer(farHost, PORT),
  secret,
  peerSecret,
  // The other ones take a loss for a full link and would need long.
  congestion: 'bbr',
}).catch(({ code }) => {
  process.stdout.write(`${JSON.stringify({ count, error: code })}\n`)
  process.exit(0)
})
const stream = new VStream(transport.byteIO)
if (isSender) {
  while (count < Number(size)) {
    const bytes = randomBytes(Math.min(PORTION_BYTES, Number(size) - count))
    note(bytes)
    if (!stream.write(bytes)) await stream.drained()
  }
  stream.end()
  await stream.readAll()
} else {
  for await (const bytes of stream) note(bytes)
  stream.end()
}
const ending = await transport.whenClosed
const isClean = ending instanceof VFIOCompleted
const { streamBytesResent } = transport.stats()
process.stdout.write(
  `${JSON.stringify({ digest: digest.digest('hex'), count, isClean, streamBytesResent })}\n`,
)
await transport.whenReleased
process.exit(0)
