/** Copies a file and takes its digest on the way: `first-chain [FROM [TO]]`. */
import { createHash } from 'node:crypto'
import { devNull } from 'node:os'
import { chain } from '@vio/io/facade'
import { VDigestTap } from '@vio/io/filter'
import { VFileSink, VFileSource } from '@vio/io/node'
import { VReactor } from '@vio/reactor'

const [from = import.meta.filename, to = devNull] = process.argv.slice(2)
const reactor = new VReactor()
reactor.start()

const digest = new VDigestTap(reactor, { digest: createHash('sha256') })
const copy = chain(new VFileSource(reactor, from), digest, new VFileSink(reactor, to))
const { clean, bytesOut, reason } = await copy.done
console.log(clean ? `${bytesOut} bytes, sha256 ${digest.result?.toString('hex')}` : `failed: ${reason}`)
reactor.stop()
