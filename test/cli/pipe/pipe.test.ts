/**
 * `vut pipe` to `vut pipe`: what goes in on one side comes out on the other, and the exit code says whether it has.
 */
import { createHash } from 'node:crypto'
import { PassThrough, Readable, Writable } from 'node:stream'
import { VFIOLost, VIOLost } from '@vio/io'
import type { VUDPTransport } from '@vio/vudp'
import { describe, expect, it } from 'vitest'
import { runVut, type VMeeter } from '../../../packages/cli/src/index.js'
import { pairMeeters, runPair, testContext } from '../support.js'

/** An output that keeps a digest only. */
class Digest extends Writable {
  readonly #hash = createHash('sha256')
  bytes = 0

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#hash.update(chunk)
    this.bytes += chunk.length
    done()
  }

  hex(): string {
    return this.#hash.digest('hex')
  }
}

function input(...pieces: readonly (Buffer | string)[]): PassThrough {
  const stream = new PassThrough()
  for (const piece of pieces) stream.write(piece)
  stream.end()
  return stream
}

const [A, B] = [['pipe'], ['pipe', '7-lan-orc']] as const

/** Runs two sides and hands out their transports while they run. */
async function runOpen(changes: Parameters<typeof runPair>[2]): Promise<{
  codes: Promise<[number, number]>
  transports: VUDPTransport[]
  interrupt: AbortController
  errors: () => string
}> {
  const [one, two] = [testContext(changes?.[0]), testContext(changes?.[1])]
  const meeters = await pairMeeters(one, two)
  const transports: VUDPTransport[] = []
  const keep =
    (meeter: VMeeter): VMeeter =>
    async (request) => {
      const meeting = await meeter(request)
      transports.push(meeting.transport)
      return meeting
    }
  const codes = Promise.all([
    runVut([...A, '--relay', 'x'], { ...one, meeter: keep(meeters[0]) }),
    runVut([...B, '--relay', 'x'], { ...two, meeter: keep(meeters[1]) }),
  ]) as Promise<[number, number]>
  return { codes, transports, interrupt: one.interrupt, errors: () => one.stderr.text + two.stderr.text }
}

async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 1000 && !condition(); round += 1)
    await new Promise((resolve) => setTimeout(resolve, 5))
  expect(condition()).toBe(true)
}

describe('vut pipe', () => {
  it('carries both directions and ends each with its input', async () => {
    const { codes, contexts } = await runPair(A, B, [
      { stdin: input('from a, ', 'in two pieces') },
      { stdin: input('from b') },
    ])
    expect(codes).toEqual([0, 0])
    expect(contexts.map(({ stdout }) => stdout.text)).toEqual(['from b', 'from a, in two pieces'])
  })

  it.each([0, 1, 65_536, 20_000_000])('carries %i bytes of any kind unchanged', async (sizeBytes) => {
    const bytes = Buffer.alloc(sizeBytes)
    for (let at = 0; at < sizeBytes; at += 1) bytes[at] = (at * 31 + (at >> 11)) & 255
    const out = new Digest()
    const { codes } = await runPair(A, B, [{ stdin: input(bytes) }, { stdin: input(), stdout: out }])
    expect(codes).toEqual([0, 0])
    expect([out.bytes, out.hex()]).toEqual([sizeBytes, createHash('sha256').update(bytes).digest('hex')])
  })

  it('lets one side answer after the end of the other', async () => {
    const answer = new PassThrough()
    const out = new Writable({
      write: (_chunk, _encoding, done) => {
        setTimeout(() => answer.end('the answer'), 30)
        done()
      },
    })
    const { codes, contexts } = await runPair(A, B, [{ stdin: input('?') }, { stdin: answer, stdout: out }])
    expect(codes).toEqual([0, 0])
    expect(contexts[0].stdout.text).toBe('the answer')
  })

  it('ends with 7 where its output is closed early, and with 6 on the other side', async () => {
    const source = new PassThrough()
    const timer = setInterval(() => source.write(Buffer.alloc(10_000)), 5)
    const closed = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    })
    const { codes, contexts } = await runPair(A, B, [
      { stdin: source },
      { stdin: new PassThrough(), stdout: closed },
    ])
    clearInterval(timer)
    expect(codes).toEqual([6, 7])
    expect(contexts[0].stderr.text).toContain('the output was closed before everything had come')
  })

  it('ends with 7 where its input cannot be read', async () => {
    const broken = new Readable({
      read() {
        this.destroy(new Error('EIO: the disk is gone'))
      },
    })
    const { codes } = await runPair(A, B, [{ stdin: broken }, { stdin: new PassThrough() }])
    expect(codes).toEqual([7, 6])
  })

  it('ends with 130 when it is interrupted, and tells the other side, which ends with 6', async () => {
    const { codes, interrupt, transports, errors } = await runOpen([
      { stdin: new PassThrough() },
      { stdin: new PassThrough() },
    ])
    await until(() => transports.length === 2)
    const { VInterrupted } = await import('../../../packages/cli/src/index.js')
    interrupt.abort(new VInterrupted('SIGINT'))
    expect(await codes).toEqual([130, 6])
    expect(errors()).toContain('the other side gave up: ended by SIGINT')
  })

  it('ends with 8 where the connection breaks after bytes were sent, on the side that sent them', async () => {
    const source = new PassThrough()
    const run = await runOpen([{ stdin: source }, { stdin: new PassThrough() }])
    source.write('not confirmed')
    await until(() => run.transports.length === 2)
    await new Promise((resolve) => setTimeout(resolve, 100))
    // What an outage comes to: the sockets are gone on both sides.
    for (const transport of run.transports)
      transport.sock.close(new VFIOLost(new VIOLost('the network is gone')))
    expect(await run.codes).toEqual([8, 1])
  })

  it('does not take a side for its like that runs another command', async () => {
    const { codes, contexts } = await runPair(
      A,
      ['forward', '-D', '0', '7-lan-orc'],
      [{ stdin: new PassThrough() }, {}],
    )
    expect(codes[0]).toBe(1)
    expect(contexts[0].stderr.text).toContain('the other side runs "vut forward"')
  })
})
