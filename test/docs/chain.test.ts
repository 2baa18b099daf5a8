/**
 * The code of docs/chain.md, run.
 */
import { readFileSync } from 'node:fs'
import { type VByteBuffer, VByteConsumer, VByteProducer, VByteWriter, type VFailure } from '@vio/io'
import { chain } from '@vio/io/facade'
import { VByteFilter, VByteTap } from '@vio/io/filter'
import { VReactor } from '@vio/reactor'
import { describe, expect, it } from 'vitest'
import { virtualReactor } from '../reactor/support.js'

// #region producer
/** Gives the numbers from `from` down to 1, a line each. */
class CountDown extends VByteProducer {
  #next: number

  constructor(reactor: VReactor, from: number) {
    super(reactor)
    this.#next = from
  }

  protected override produce(maxBytes: number): Uint8Array | null {
    if (this.#next === 0) {
      this.endProduce(true) // there is no more
      return null
    }
    const line = Buffer.from(`${this.#next}\n`)
    if (maxBytes >= 0 && line.length > maxBytes) return null // not now: a higher limit may come
    this.#next -= 1
    return line
  }
}
// #endregion producer

// #region consumer
/** Keeps what comes, and lets 1,024 bytes be on their way at any time. */
class Collect extends VByteConsumer {
  text = ''
  outcome = ''

  protected override producerAttached(): void {
    this.setReceiveLimit(1024)
  }

  protected override dataReceived(data: Buffer): number {
    this.text += data.toString()
    return 1024 // so many more are welcome
  }

  protected override consumerClosed(reason: VFailure, wasAborted: boolean): void {
    this.outcome = `${wasAborted ? 'aborted' : 'ended'}: ${reason.value.message}`
  }
}
// #endregion consumer

/** Passes everything. */
class Passing {
  push(input: VByteBuffer, output: VByteBuffer): void {
    input.moveTo(output)
  }
}

/** Takes 4 bytes and no more. */
class FullDisk extends VByteConsumer {
  protected override producerAttached(): void {
    this.setReceiveLimit(4)
  }

  protected override dataReceived(): number {
    return 0
  }
}

function setUp() {
  const { host, reactor } = virtualReactor()
  reactor.start()
  return { host, reactor }
}

describe('docs/chain.md', () => {
  it('attaches by hand, and ends', () => {
    const { host, reactor } = setUp()
    // #region attach
    const source = new CountDown(reactor, 3)
    const tap = new VByteTap(reactor)
    const sink = new Collect(reactor)
    tap.byteProduce.attach(sink.byteConsume)
    source.byteProduce.attach(tap.byteConsume)
    // #endregion attach
    host.runUntilIdle()
    expect(sink.text).toBe('3\n2\n1\n')
    expect(sink.outcome).toBe('ended: the I/O was completed')
  })

  it('runs the same by chain(), which tells how it went', async () => {
    const reactor = new VReactor()
    reactor.start()
    // #region compose
    const sink = new Collect(reactor)
    const { clean, bytesOut } = await chain(new CountDown(reactor, 3), new VByteTap(reactor), sink).done
    // #endregion compose
    expect({ clean, bytesOut, text: sink.text }).toEqual({ clean: true, bytesOut: 6, text: '3\n2\n1\n' })
    reactor.stop()
  })

  it('prints a chain that waits', () => {
    const { host, reactor } = setUp()
    const disk = new FullDisk(reactor)
    let printed = ''
    const console = {
      log: (text: string): void => {
        printed = text
      },
    }
    // #region stalled
    const writer = new VByteWriter(reactor)
    const filter = new VByteFilter(reactor, new Passing(), { capacity: 10 })
    const copy = chain(writer, filter, disk)
    writer.write('twenty bytes of text')
    reactor.schedule(1200, () => console.log(String(copy)))
    // #endregion stalled
    host.advance(1200)
    expect(`${printed}\n`).toBe(readFileSync(new URL('printed/stalled-chain.txt', import.meta.url), 'utf8'))
  })
})
