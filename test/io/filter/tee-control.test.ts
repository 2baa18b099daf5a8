/**
 * Control messages of a tee: all branches are asked and told, and any branch reaches the producer above.
 */
import { ask, emptyControl, tell, VIOMissingControl, VMemoryPeer } from '@vio/io'
import { VByteTee } from '@vio/io/filter'
import { describe, expect, it } from 'vitest'
import { setUp } from './tee-support.js'

describe('control messages of a tee', () => {
  const peer = new VMemoryPeer('there')

  it.each([
    [true, true, true],
    [true, false, false],
    [false, true, false],
  ])('ask every branch whether to connect: %s and %s make %s [CR-44]', (first, second, answer) => {
    const { source, sink } = setUp()
    const one = sink({ handlers: { canConnect: () => first } })
    const two = sink({ handlers: { canConnect: () => second } })
    expect(source.consumer?.control.canConnect(peer)).toBe(answer)
    for (const each of [one, two]) expect(each.messages.at(-1)).toEqual({ name: 'canConnect', args: [peer] })
  })

  it('authorise only if every branch that takes the question says yes [CR-49]', () => {
    const { source, sink } = setUp()
    sink({ mute: true })
    sink({ handlers: { authorize: () => true } })
    const control = source.consumer?.control ?? emptyControl()
    expect(control.authorize(null, null, null, 'TLS')).toBe(true)
    sink({ handlers: { authorize: () => 'yes' as unknown as boolean } })
    expect(control.authorize(null, null, null, 'TLS')).toBe(false)
  })

  it('tell every branch, though one throws', () => {
    const { source, sink } = setUp()
    const broken = (): void => {
      throw new RangeError('broken handler')
    }
    sink({ handlers: { connected: broken } })
    const two = sink()
    const control = source.consumer?.control ?? emptyControl()
    expect(() => tell(control, 'connected', peer)).toThrow('broken handler')
    expect(two.messages.at(-1)).toEqual({ name: 'connected', args: [peer] })
  })

  it('are not handled where no branch handles them [CR-40] [CR-43]', () => {
    const { source, sink, tee } = setUp()
    const control = source.consumer?.control ?? emptyControl()
    expect(ask(control, 'canConnect', 'nobody', peer)).toBe('nobody')
    sink({ mute: true })
    tee.branch()
    expect(() => control.connected(peer)).toThrow(VIOMissingControl)
    expect(() => control.reqConsumerState(source)).toThrow(VIOMissingControl)
    expect(JSON.stringify([control])).toBe('[{}]')
  })

  it('give the first answer to a message that somebody added', () => {
    const { source, sink } = setUp()
    sink({ mute: true })
    sink({ handlers: { depth: () => undefined } as object })
    sink({ handlers: { depth: () => 7 } as object })
    const control = source.consumer?.control as unknown as { depth(): unknown }
    expect(control.depth()).toBe(7)
  })

  it('go up from any branch to the producer above [CR-41]', () => {
    const { source, sink, tee } = setUp()
    const one = sink()
    one.producer?.control.reqProducerState(one)
    expect(source.messages.at(-1)).toEqual({ name: 'reqProducerState', args: [one] })
    const lonely = new VByteTee(tee.reactor).branch()
    expect(() => lonely.control.reqProducerState(one)).toThrow(VIOMissingControl)
  })
})
