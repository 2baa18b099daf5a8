/**
 * The code of docs/facades.md, run.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip, gunzipSync } from 'node:zlib'
import { VByteEndpoint, VByteWriter, VIOTimeout } from '@vio/io'
import {
  bytesOf,
  chain,
  fromNodeStream,
  producerOf,
  toNodeReadable,
  toNodeWritable,
  toWebReadable,
  VStream,
} from '@vio/io/facade'
import { VFileSink, VFileSource } from '@vio/io/node'
import { observeBytes, writeFrom } from '@vio/io/rx'
import { createDevicePair } from '@vio/io/testing'
import { VReactor } from '@vio/reactor'
import { VReactorScheduler } from '@vio/reactor/rx'
import { bufferTime, from, lastValueFrom, map, reduce } from 'rxjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

describe('docs/facades.md', () => {
  const reactor = new VReactor()
  const folder = mkdtempSync(join(tmpdir(), 'vio-docs-'))
  const input = join(folder, 'in.txt')
  const output = join(folder, 'out')

  beforeAll(() => {
    reactor.start()
    writeFileSync(input, 'some text\n'.repeat(1000))
  })

  afterAll(() => {
    reactor.stop()
    rmSync(folder, { recursive: true })
  })

  /** Two streams joined in memory. */
  function streams(): { readonly client: VStream; readonly server: VStream } {
    const { a, b } = createDevicePair()
    const client = VStream.over(new VByteEndpoint(reactor, a))
    const server = VStream.over(new VByteEndpoint(reactor, b))
    return { client, server }
  }

  // #region serve
  async function serve(server: VStream): Promise<void> {
    const line = await server.readUntil('\n', { maxBytes: 100 })
    const body = await server.readExactly(Number(line.toString().slice(5)))
    server.write(`GOT ${body.length}\n`)
    for await (const piece of server) server.write(piece) // up to the end of what comes
    server.end('BYE\n')
  }
  // #endregion serve

  it('speaks a small protocol', async () => {
    const { client, server } = streams()
    const serving = serve(server)
    // #region client
    client.write('SIZE 5\nhello')
    const answer = await client.readUntil('\n', { timeoutMs: 5000, maxBytes: 100 })
    await client.shutdown() // ends the output, and waits until that is carried out
    const rest = await client.readAll()
    // #endregion client
    expect([answer.toString(), rest.toString()]).toEqual(['GOT 5\n', 'BYE\n'])
    expect(await client.closed).toMatchObject({ clean: true, bytesOut: 12 })
    await serving
  })

  it('stops to wait', async () => {
    const { client } = streams()
    // #region signal
    const controller = new AbortController()
    const reading = client.readExactly(100, { signal: controller.signal })
    controller.abort()
    await expect(reading).rejects.toThrow('aborted')
    await expect(client.readExactly(100, { timeoutMs: 1 })).rejects.toThrow(VIOTimeout)
    client.close() // drops what is held, and aborts the chain
    // #endregion signal
    expect((await client.closed).clean).toBe(false)
  })

  it('goes through Node’s streams', async () => {
    // #region node
    const source = new VFileSource(reactor, input)
    const sink = new VFileSink(reactor, output)
    await pipeline(toNodeReadable(source), createGzip(), toNodeWritable(sink))
    // #endregion node
    expect(gunzipSync(readFileSync(output)).toString()).toBe(readFileSync(input, 'utf8'))
  })

  it('takes in a Node stream as a part of a chain', async () => {
    // #region from-node
    const gzip = fromNodeStream(reactor, createGzip())
    const packed = chain(gzip, new VFileSink(reactor, output))
    const { clean } = await chain(new VFileSource(reactor, input), gzip).done
    // #endregion from-node
    expect([clean, (await packed.done).clean]).toEqual([true, true])
    expect(gunzipSync(readFileSync(output)).toString()).toBe(readFileSync(input, 'utf8'))
  })

  it('goes through Web Streams', async () => {
    // #region web
    const response = new Response(toWebReadable(new VFileSource(reactor, input)) as ReadableStream)
    const text = await response.text()
    // #endregion web
    expect(text).toBe(readFileSync(input, 'utf8'))
  })

  it('iterates', async () => {
    // #region iterate
    let bytes = 0
    for await (const piece of bytesOf(new VFileSource(reactor, input))) bytes += piece.length
    // #endregion iterate
    expect(bytes).toBe(10_000)
    // #region generate
    async function* lines(): AsyncGenerator<string> {
      for (let at = 1; at <= 3; at += 1) yield `line ${at}\n`
    }
    await chain(producerOf(reactor, lines()), new VFileSink(reactor, output)).done
    // #endregion generate
    expect(readFileSync(output, 'utf8')).toBe('line 1\nline 2\nline 3\n')
  })

  it('is observed', async () => {
    // #region observe
    const rates = observeBytes(new VFileSource(reactor, input)).pipe(
      bufferTime(1000, new VReactorScheduler(reactor)),
      map((pieces) => pieces.reduce((sum, piece) => sum + piece.length, 0)),
    )
    // #endregion observe
    expect(await lastValueFrom(rates.pipe(reduce((sum, rate) => sum + rate, 0)))).toBe(10_000)
    // #region write-from
    const words = from(['some ', 'words\n'])
    await chain(writeFrom(reactor, words, { maxQueuedBytes: 1024 }), new VFileSink(reactor, output)).done
    // #endregion write-from
    expect(readFileSync(output, 'utf8')).toBe('some words\n')
  })

  it('is watched and left', async () => {
    const controller = new AbortController()
    const { a } = createDevicePair({ b: { capacityBytes: 10 } })
    const writer = new VByteWriter(reactor)
    const far = new VByteEndpoint(reactor, a)
    // #region until
    const sending = chain(writer, far).until(controller.signal)
    writer.write('more than the other side takes')
    controller.abort()
    const { aborted, reason } = await sending.done
    // #endregion until
    expect({ aborted, reason: reason?.name }).toEqual({ aborted: true, reason: 'AbortError' })
  })
})
