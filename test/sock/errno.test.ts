/**
 * Errors of the system as errors of vio: what they keep, and what their names and numbers are.
 */
import { constants } from 'node:os'
import { VFIOLost, VIOError, VIOLost, VIOTimeout } from '@vio/io'
import { VByteChannel } from '@vio/io/facade'
import { VReactor } from '@vio/reactor'
import {
  errnoName,
  errnoNumber,
  errnoText,
  socketError,
  socketFailure,
  socketLost,
  systemErrorInfo,
  VSocketError,
  VSocketLost,
} from '@vio/sock'
import { describe, expect, it, onTestFinished } from 'vitest'

const REFUSED = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), {
  code: 'ECONNREFUSED',
  errno: -111,
  syscall: 'connect',
  address: '127.0.0.1',
  port: 9,
})

describe('an error of the system', () => {
  it('keeps its code, its number, its call, its address and itself', () => {
    const fields = { code: 'ECONNREFUSED', errno: -111, syscall: 'connect', address: '127.0.0.1', port: 9 }
    expect(systemErrorInfo(REFUSED)).toEqual(fields)
    expect(socketError('to do it', REFUSED)).toBeInstanceOf(VIOError)
    expect(socketError('to do it', REFUSED)).toMatchObject({
      ...fields,
      cause: REFUSED,
      name: 'VSocketError',
    })
    expect(socketLost('it broke', REFUSED)).toBeInstanceOf(VIOLost)
    expect(socketLost('it broke', REFUSED)).toMatchObject({ ...fields, cause: REFUSED, name: 'VSocketLost' })
    expect(socketLost('it broke', REFUSED).message).toBe('it broke: connect ECONNREFUSED 127.0.0.1:9')
    const failure = socketFailure('it broke', REFUSED)
    expect(failure).toBeInstanceOf(VFIOLost)
    expect(failure.value).toBeInstanceOf(VSocketLost)
  })

  it('that stands for several tells the first code and all messages', () => {
    const all = new AggregateError([REFUSED, new Error('no route')], '')
    expect(systemErrorInfo(all)).toMatchObject({ code: 'ECONNREFUSED', port: 9 })
    expect(socketLost('lost', all).message).toBe('lost: connect ECONNREFUSED 127.0.0.1:9; no route')
    expect(systemErrorInfo(Object.assign(new AggregateError([REFUSED]), { code: 'EOWN' })).code).toBe('EOWN')
  })

  it('that is one of ours already stays what it is', () => {
    const [error, lost, late] = [new VSocketError('x'), new VIOLost('x'), new VIOTimeout('x')]
    expect(socketError('y', error)).toBe(error)
    expect(socketLost('y', lost)).toBe(lost)
    expect(socketFailure('y', late).value).toBe(late)
  })

  it('that says the system waited long enough is a loss; VIOTimeout is for a limit that a caller named [VE-S21]', async () => {
    const failure = socketFailure(
      'it broke',
      Object.assign(new Error('read ETIMEDOUT'), { code: 'ETIMEDOUT' }),
    )
    expect(failure.value).not.toBeInstanceOf(VIOTimeout)
    expect(failure.value).toMatchObject({ name: 'VSocketLost', code: 'ETIMEDOUT' })
    const reactor = new VReactor()
    reactor.start()
    onTestFinished(() => reactor.stop())
    await expect(new VByteChannel(reactor).recv(1, 1)).rejects.toBeInstanceOf(VIOTimeout)
  })

  it.each([[undefined], ['text'], [null], [{}], [new Error('')]])('may be anything: %s', (thrown) => {
    expect(systemErrorInfo(thrown).code).toBe('UNKNOWN')
    expect(socketError('what', thrown)).toMatchObject({ code: 'UNKNOWN' })
  })
})

describe('names and numbers', () => {
  it('are those of the system and those that Node made up', () => {
    for (const [name, number] of Object.entries(constants.errno)) {
      expect(errnoNumber(name)).toBe(number)
      expect(errnoNumber(errnoName(number) ?? '')).toBe(number)
      expect(errnoName(-number)).toBe(errnoName(number))
    }
    expect(errnoNumber('EOF')).toBeLessThan(0)
    expect(errnoName(errnoNumber('EAI_NONAME') ?? 0)).toBe('EAI_NONAME')
    expect(errnoNumber('ENOSUCHNAME')).toBeUndefined()
    expect(errnoName(99_999)).toBeUndefined()
  })

  it('have a text, also where nobody knows them', () => {
    expect(errnoText(constants.errno.ECONNREFUSED)).toBe('connection refused')
    expect(errnoText(-constants.errno.ECONNREFUSED)).toBe('connection refused')
    expect(errnoText(-99_999)).toBe('Unknown system error -99999')
  })
})
