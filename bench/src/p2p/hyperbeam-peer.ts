/**
 * A process of the comparison with hyperbeam: `network`, `send PORT FILE` or `receive PORT FILE KEY`.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { createRequire } from 'node:module'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** As much of the two packages as is used; they bring no types along. */
interface Dht {
  destroy(): Promise<void>
}
type DhtClass = new (options: object) => Dht
type BeamClass = new (...args: readonly unknown[]) => Duplex & { readonly key: string }
type MakeTestnet = (size: number) => Promise<{ readonly bootstrap: readonly { readonly port: number }[] }>

const require = createRequire(import.meta.url)
const [what, port = '', file = '', key] = process.argv.slice(2)

if (what === 'network') await network()
else await beam()

async function network(): Promise<void> {
  const testnet = await (require('hyperdht/testnet') as MakeTestnet)(3)
  process.stdout.write(`port ${testnet.bootstrap[0]?.port}\n`)
}

async function beam(): Promise<void> {
  const [DHT, Hyperbeam] = [require('hyperdht') as DhtClass, require('hyperbeam') as BeamClass]
  const dht = new DHT({
    ephemeral: true,
    bootstrap: [{ host: '127.0.0.1', port: Number(port) }],
    host: '127.0.0.1',
  })
  const pipe = key === undefined ? new Hyperbeam({ dht }) : new Hyperbeam(key, { dht })
  if (what === 'send') {
    pipe.once('remote-address', () => process.stdout.write(`key ${pipe.key}\n`))
    // The other side ends its direction when it has everything.
    pipe.resume()
    const over = new Promise((done) => pipe.once('end', done))
    createReadStream(file, { highWaterMark: 1 << 18 }).pipe(pipe)
    await over
  } else {
    pipe.once('end', () => pipe.end())
    await pipeline(pipe, createWriteStream(file), { end: true })
  }
  process.exit(0)
}
