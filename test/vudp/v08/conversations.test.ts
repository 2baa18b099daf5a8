/**
 * The recorded conversations, with our connection in the place of either end.
 */
import { VFIOCompleted, VFIOLost } from '@vio/io'
import { describe, expect, it } from 'vitest'
import { replay } from './replay.js'
import { type Conversation, type ConversationOutcome, conversations, payloadOf, sha256 } from './vectors.js'

const ALL = conversations()
const SIDES = ['a', 'b'] as const
const CASES = ALL.flatMap((conversation) =>
  SIDES.map((side) => [conversation.name, side, conversation] as const),
)
const DEFECTS = CASES.filter(([name]) => name.startsWith('defect-'))
const SOUND = CASES.filter(([name]) => !name.startsWith('defect-'))

function streamTo(conversation: Conversation, side: 'a' | 'b'): { length: number; sha256: string } {
  return conversation.stream_on_wire[side === 'a' ? 'b_to_a' : 'a_to_b']
}

/** True if the application of that end gave up, or was made to, before it had all. */
function wasAborted(conversation: Conversation, side: 'a' | 'b', outcome: ConversationOutcome): boolean {
  return outcome.app_events.includes('abort') || conversation.name.startsWith(`abort-both-${side}`)
}

describe('recorded conversations', () => {
  it('are all there', () => {
    expect(ALL.length).toBe(18)
    expect(DEFECTS.length).toBe(6)
  })

  it.each(SOUND)('%s, ours in the place of %s, ends as recorded [VE-S27]', (_name, side, conversation) => {
    const outcome = conversation.outcome[side]
    const result = replay(conversation, side)
    const aborter = wasAborted(conversation, side, outcome)
    expect(result.delivered.length).toBe(outcome.delivered_length)
    expect(sha256(result.delivered)).toBe(outcome.delivered_sha256)
    const sent = conversation.stream_on_wire[side === 'a' ? 'a_to_b' : 'b_to_a']
    const cutOff = conversation.name.startsWith('abort-both')
    // What the other end cut off was still sent in the record; we learn of the end first.
    if (!cutOff) {
      expect(result.sentStream.length).toBe(sent.length)
      expect(sha256(result.sentStream)).toBe(sent.sha256)
    }
    expect(result.events[0]).toBe('connected')
    expect(result.events.at(-1)).toBe('closed')
    expect(result.engine.drained).toBe(true)
    if (aborter) {
      expect(result.closed).toBeInstanceOf(VFIOLost)
      return
    }
    expect(result.engine.stream.inputEnd).toBeInstanceOf(VFIOCompleted)
    if (cutOff) expect(result.engine.stream.outputEnd).toBeInstanceOf(VFIOLost)
    else {
      expect(result.early).toBeNull()
      expect(result.closed).toBeInstanceOf(VFIOCompleted)
    }
  })

  it.each(DEFECTS)('%s, ours in the place of %s: it survives [VE-S32]', (_name, side, conversation) => {
    const result = replay(conversation, side)
    const recorded = streamTo(conversation, side)
    // All that the original sent and that was not lost arrives, and there is an end of it.
    expect(result.delivered.length).toBe(recorded.length)
    expect(sha256(result.delivered)).toBe(recorded.sha256)
    expect(result.early).toBeNull()
    expect(result.closed).not.toBeNull()
    expect(result.engine.drained).toBe(true)
    expect(result.engine.pollTimeout()).toBe(Number.POSITIVE_INFINITY)
  })

  it('the end that is announced before a gap is told once the gap is filled', () => {
    const conversation = ALL.find(({ name }) => name === 'defect-close-before-gap-stall-pp')
    if (conversation === undefined) throw new Error('the record is missing')
    const result = replay(conversation, 'b')
    expect(result.engine.stream.inputEnd).toBeInstanceOf(VFIOCompleted)
    expect(result.delivered.equals(payloadOf('12', 3000))).toBe(true)
  })
})
