/**
 * A file of 1 GB to somebody else on this machine, by whole commands: `vut send`, `scp`, `nc`, `hyperbeam`; and, in the lab,
 * how soon `vut pipe` has its first byte through.
 *
 * The time is from the start of the first command to the end of the last: with meeting, keys, the way to the disk and,
 * for `vut`, the check of the digest on both sides. What stands by before is started before: relay, daemon, DHT. After each
 * run the file is compared with what was sent, untimed.
 */
import { createHash, randomFillSync } from 'node:crypto'
import { closeSync, createReadStream, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Bench, BenchSubject } from './harness.js'
import { type FirstByteUnit, firstByteMissing, firstByteRoundTrips } from './p2p/first-byte.js'
import { HyperbeamWay } from './p2p/hyperbeam-way.js'
import { NcWay } from './p2p/nc-way.js'
import { ScpWay } from './p2p/scp-way.js'
import { VutWay } from './p2p/vut-way.js'
import type { Way } from './p2p/ways.js'

const BYTES = Number(process.env['V_BENCH_BYTES'] ?? 1e9)
const NAME = 'cargo.bin'

/** The file that all send; made once, and removed with the process. */
class CargoFile {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'vio-p2p-'))
  readonly path: string = join(this.folder, NAME)
  readonly digest: Promise<string>

  constructor() {
    process.once('exit', () => rmSync(this.folder, { recursive: true, force: true }))
    const block = Buffer.alloc(1 << 20)
    const file = openSync(this.path, 'w')
    for (let left = BYTES; left > 0; left -= block.length) {
      randomFillSync(block)
      writeSync(file, block, 0, Math.min(left, block.length))
    }
    closeSync(file)
    this.digest = digestOf(this.path)
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

/** Moves the file once; gives MB/s of the whole. What failed before it went is told, and not in the time. */
async function measured(way: Way, cargo: CargoFile, number: number): Promise<number> {
  const toFolder = join(cargo.folder, `${way.name}-${number}`)
  mkdirSync(toFolder)
  let seconds: number | undefined
  for (let triesLeft = way.tries ?? 1; seconds === undefined; triesLeft -= 1) {
    const beganAt = performance.now()
    try {
      await way.move({ from: cargo.path, toFolder, name: NAME })
      seconds = (performance.now() - beganAt) / 1000
    } catch (error) {
      if (triesLeft <= 1) throw error
      process.stderr.write(`${way.name} failed and is tried again: ${String(error).split('\n', 1)[0]}\n`)
    }
  }
  if ((await digestOf(join(toFolder, NAME))) !== (await cargo.digest)) {
    throw new Error(`what ${way.name} delivered is not what was sent`)
  }
  rmSync(toFolder, { recursive: true })
  return BYTES / 1e6 / seconds
}

function subjectOf(way: Way, cargo: () => CargoFile): BenchSubject {
  const absent = way.missing()
  let started: Promise<void> | undefined
  let count = 0
  return {
    subject: way.name,
    unit: 'MB/s',
    load: BYTES,
    run: () => BYTES,
    value: async () => {
      started ??= way.start()
      await started
      count += 1
      return await measured(way, cargo(), count)
    },
    ...(absent === undefined ? {} : { absent }),
  }
}

function firstByte(path: 'relay' | 'direct', of: FirstByteUnit): BenchSubject {
  const absent = firstByteMissing()
  let seed = 0
  return {
    subject: of === 'link' ? `${path}_first_byte` : `${path}_first_byte_of_path`,
    unit: of === 'link' ? 'round trips of a link' : 'round trips from peer to peer',
    load: 0,
    run: () => 0,
    value: () => {
      seed += 1
      return firstByteRoundTrips(path, seed, of)
    },
    ...(absent === undefined ? {} : { absent }),
  }
}

function subjects(): BenchSubject[] {
  let made: CargoFile | undefined
  const cargo = (): CargoFile => {
    made ??= new CargoFile()
    return made
  }
  const ways = [new VutWay(), new ScpWay(), new NcWay(), new HyperbeamWay()]
  const firstBytes = [firstByte('relay', 'link'), firstByte('relay', 'path'), firstByte('direct', 'link')]
  return [...ways.map((way) => subjectOf(way, cargo)), ...firstBytes]
}

/** A file by `vut send` beside others. */
export const bench: Bench = {
  name: 'p2p',
  what: 'a file of 1 GB by whole commands: vut send beside scp, nc and hyperbeam',
  subjects,
  ratios: [
    { key: 'send_vs_hyperbeam', of: 'vut_send', over: 'hyperbeam', target: 2 },
    { key: 'send_vs_scp', of: 'vut_send', over: 'scp', target: 1 },
    { key: 'send_vs_nc', of: 'vut_send', over: 'nc' },
  ],
  // The times of scp fall into two groups: the median of fewer rounds is of the one or of the other.
  rounds: 9,
  measure: { warmMs: 0, timedMs: 0 },
}
