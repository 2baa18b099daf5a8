/**
 * The corpus: frames and datagrams that once reached something of their own, given to the decoders and to a connection
 * again, as they are and with single bytes changed.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FrameReader } from '../../../../packages/vudp/src/proto/v1/frames.js'
import { runs } from '../../../lib/runs.js'
import { Draw, WINDOW } from './fuzz-frames.js'
import { Insider } from './insider.js'

/** The lines of a corpus as bytes. */
function corpus(name: string): Buffer[] {
  const text = readFileSync(new URL(`./corpus/${name}.hex`, import.meta.url), 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Buffer.from(line, 'hex'))
}

function mutated(bytes: Buffer, draw: Draw): Buffer {
  const copy = Buffer.from(bytes)
  if (copy.length > 0) copy[draw.below(copy.length)] = draw.below(256)
  return draw.chance(0.1) ? copy.subarray(0, draw.below(copy.length + 1)) : copy
}

describe('the corpus of VUT/1', () => {
  it('of frames is read, and taken by a connection, without a throw', () => {
    const draw = new Draw(5)
    const reader = new FrameReader()
    const lines = corpus('frames')
    expect(lines.length).toBeGreaterThan(100)
    for (const bytes of lines) {
      for (let run = 0; run < runs(20); run += 1) {
        reader.reset(run === 0 ? bytes : mutated(bytes, draw))
        while (reader.next()) expect(reader.fault).toBe('')
      }
      const insider = new Insider({
        windowBytes: WINDOW,
        maxWindowBytes: WINDOW,
        maxUnreliableBytes: 150,
      }).connect()
      insider.say(bytes)
      insider.wait(50)
      if (insider.victim.closed === null) insider.say(mutated(bytes, draw))
      insider.wait(200_000)
      expect(insider.victim.drained).toBe(true)
    }
  })

  it('of datagrams changes nothing, before the handshake and after', () => {
    const draw = new Draw(6)
    const lines = corpus('datagrams')
    expect(lines.length).toBeGreaterThan(20)
    const insider = new Insider()
    const tell = () => {
      for (const bytes of lines) {
        for (let run = 0; run < runs(10); run += 1) insider.give(run === 0 ? bytes : mutated(bytes, draw))
      }
      insider.wait(0)
    }
    tell()
    expect(insider.events).toEqual([])
    insider.connect()
    const told = insider.events.length
    tell()
    expect(insider.events.length).toBe(told)
    expect(insider.victim.closed).toBeNull()
  })
})
