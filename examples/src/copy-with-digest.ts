/**
 * Copies a file the long way round: read, digest, compress, decompress, digest, write, with a live meter.
 *
 * `copy-with-digest [FILE]`. Without a file it makes one of 64 MB. The copy, and the file if it was made, lie in a
 * temporary folder that is removed at the end. The verdict goes to stdout, the meter to stderr: one line that is
 * rewritten on a terminal, else a line a second. Exit code 0 if both digests agree, else 1.
 */
import { createHash } from 'node:crypto'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chain, producerOf } from '@vio/io/facade'
import { VDigestTap, VMeter, type VMeterSnapshot } from '@vio/io/filter'
import { VCompress, VDecompress, VFileSink, VFileSource } from '@vio/io/node'
import { VReactor } from '@vio/reactor'

const MB = 1_000_000
const MADE_BYTES = 64 * MB
const ROUNDS = 64
const terminal = process.stderr.isTTY === true

const reactor = new VReactor()
reactor.start()
const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort(new Error('interrupted')))

/** Half of it text that compresses well, half of it noise that does not. */
function* madeUp(): Generator<Buffer> {
  const half = MADE_BYTES / ROUNDS / 2
  let noise = createHash('sha512').update('vio').digest()
  for (let round = 0; round < ROUNDS; round += 1) {
    const text = `round ${round}: the quick brown fox jumps over the lazy dog\n`
    yield Buffer.alloc(half, text)
    const block = Buffer.allocUnsafe(half)
    for (let at = 0; at < half; at += noise.copy(block, at))
      noise = createHash('sha512').update(noise).digest()
    yield block
  }
}

/** Makes the file to be copied. */
async function makeFile(path: string): Promise<void> {
  const making = chain(producerOf(reactor, madeUp()), new VFileSink(reactor, path))
  const { clean, reason } = await making.until(interrupted.signal).done
  if (!clean) throw reason ?? new Error(`${path} could not be written`)
}

/** Shows how far the copy is: `squeezed` counts what comes out of the compressor. */
function show(sample: VMeterSnapshot, totalBytes: number, squeezed: VMeter): void {
  const done = totalBytes === 0 ? 100 : Math.floor((sample.bytes / totalBytes) * 100)
  const speed = (sample.bytesPerSecond / MB).toFixed(1)
  const small = (squeezed.bytes / MB).toFixed(1)
  const line = `${String(done).padStart(3)} %  ${(sample.bytes / MB).toFixed(1)} MB read, ${small} MB compressed, ${speed} MB/s`
  process.stderr.write(terminal ? `\r\x1b[K${line}${sample.over ? '\n' : ''}` : `${line}\n`)
}

/** Copies, and returns the verdict. */
async function copy(from: string, to: string): Promise<{ readonly same: boolean; readonly verdict: string }> {
  const { size } = await stat(from)
  const squeezed = new VMeter(reactor)
  const meter = new VMeter(reactor, {
    sampleMs: terminal ? 100 : 1000,
    onSample: (sample) => show(sample, size, squeezed),
  })
  const [before, after] = [sha256(), sha256()]
  const run = chain(
    new VFileSource(reactor, from),
    meter,
    before,
    new VCompress(reactor, 'gzip', { level: 1 }),
    squeezed,
    new VDecompress(reactor, 'gzip'),
    after,
    new VFileSink(reactor, to),
  )
  const { clean, bytesOut, durationMs, reason } = await run.until(interrupted.signal).done
  if (!clean) return { same: false, verdict: `FAILED: ${reason?.message ?? 'the chain ended unclean'}` }
  const [first, second] = [before, after].map(({ result }) => result?.toString('hex'))
  if (first !== second) return { same: false, verdict: `DIFFERENT: sha256 ${first} read, ${second} written` }
  const facts = `${(bytesOut / MB).toFixed(1)} MB in ${(durationMs / 1000).toFixed(1)} s`
  return { same: true, verdict: `SAME: sha256 ${first} read and written, ${facts}` }
}

function sha256(): VDigestTap {
  return new VDigestTap(reactor, { digest: createHash('sha256') })
}

const folder = await mkdtemp(join(tmpdir(), 'vio-copy-'))
try {
  const [given] = process.argv.slice(2)
  const from = given ?? join(folder, 'original')
  if (given === undefined) await makeFile(from)
  const { same, verdict } = await copy(from, join(folder, 'copy'))
  console.log(verdict)
  process.exitCode = same ? 0 : 1
} catch (error) {
  console.log(`FAILED: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true })
  reactor.stop()
}
