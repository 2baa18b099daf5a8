/**
 * Logging: levels, watchers, filters, prefixes, and text.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stderr } from 'node:process'
import {
  escapeLogText,
  formatLogEntry,
  logLevelName,
  VConsoleLog,
  VFileLog,
  type VLogEntry,
  VLogger,
  VLogLevel,
  VLogWatcher,
  VReactor,
} from '@vio/reactor'
import { VirtualHost } from '@vio/reactor/testing'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { virtualReactor } from './support.js'

afterEach(() => {
  vi.restoreAllMocks()
  VReactor.setDefaultLogWatcher()
})

/** A reactor without a watcher, and a host. */
function bare(): { host: VirtualHost; reactor: VReactor } {
  const host = new VirtualHost()
  return { host, reactor: new VReactor({ host, logWatcher: null }) }
}

describe('the logger of a reactor', () => {
  it('delivers a turn later, in order, with time, level, prefix and message [VE-S10] [T-VE-13]', () => {
    const host = new VirtualHost({ wallOffsetMs: 1_000_000 })
    const reactor = new VReactor({ host, logWatcher: null })
    const seen: VLogEntry[] = []
    reactor.log.addWatcher({ watch: (entry) => seen.push(entry) })
    reactor.start()
    host.advance(5)
    reactor.log.debug('one')
    reactor.log.info('two')
    reactor.log.warn('three')
    reactor.log.error('four')
    reactor.log.critical('five')
    reactor.log.log('six', 25)
    reactor.log.log('seven')
    expect(seen).toEqual([])
    host.advance(1)
    expect(seen).toEqual(
      [
        ['one', 10],
        ['two', 20],
        ['three', 30],
        ['four', 40],
        ['five', 50],
        ['six', 25],
        ['seven', 20],
      ].map(([message, level]) => ({ atMs: 1_000_005, level, prefix: '', message })),
    )
    expect(VLogLevel).toEqual({ debug: 10, info: 20, warn: 30, error: 40, critical: 50 })
  })

  it('has a custom watcher that gets what is logged in the reactor [T-VE-10]', () => {
    const { host, reactor } = bare()
    const lines: string[] = []
    class Lines extends VLogWatcher {
      protected override logged(entry: VLogEntry): void {
        lines.push(`${entry.level} ${entry.message}`)
      }
    }
    const watcher = new Lines(VLogLevel.info)
    reactor.log.addWatcher(watcher)
    reactor.start()
    reactor.callWhenRunning(() => {
      reactor.log.info('seen')
      reactor.log.debug('below the level')
      expect(lines).toEqual([])
    })
    host.runUntilIdle()
    expect(lines).toEqual(['20 seen'])
    reactor.log.removeWatcher(watcher)
    reactor.log.info('nobody watches')
    host.runUntilIdle()
    expect(lines).toEqual(['20 seen'])
  })

  it('gives each entry once to each watcher, also to one that was added twice [VE-S10]', () => {
    const { host, reactor } = bare()
    const seen: string[] = []
    const watcher = { watch: (entry: VLogEntry) => seen.push(entry.message) }
    reactor.log.addWatcher(watcher)
    reactor.log.addWatcher(watcher)
    reactor.log.addWatcher({ watch: (entry) => seen.push(`other ${entry.message}`) })
    reactor.start()
    reactor.log.info('a')
    host.runUntilIdle()
    expect(seen).toEqual(['a', 'other a'])
    expect(reactor.log.watchers.length).toBe(2)
  })

  it('leaves out what a filter of the logger or of the watcher does not keep [VE-S10]', () => {
    const { host, reactor } = bare()
    const seen: string[] = []
    class Lines extends VLogWatcher {
      protected override logged(entry: VLogEntry): void {
        seen.push(entry.message)
      }
    }
    const watcher = new Lines()
    const noSecrets = (entry: VLogEntry): boolean => !entry.message.includes('secret')
    const short = (entry: VLogEntry): boolean => entry.message.length < 10
    reactor.log.addFilter(noSecrets)
    watcher.addFilter(short)
    reactor.log.addWatcher(watcher)
    reactor.start()
    for (const message of ['kept', 'secret', 'much too long']) reactor.log.info(message)
    host.runUntilIdle()
    expect(seen).toEqual(['kept'])
    reactor.log.removeFilter(noSecrets)
    watcher.removeFilter(short)
    for (const message of ['secret', 'much too long']) reactor.log.info(message)
    host.runUntilIdle()
    expect(seen).toEqual(['kept', 'secret', 'much too long'])
  })

  it('is not disturbed by watchers and filters that throw [VE-S10]', () => {
    const { host, reactor } = bare()
    const seen: string[] = []
    const fail = (): never => {
      throw new Error('on purpose')
    }
    reactor.log.addWatcher({ watch: fail })
    reactor.log.addWatcher({ watch: (entry) => seen.push(entry.message) })
    reactor.start()
    reactor.log.info('a')
    host.runUntilIdle()
    reactor.log.addFilter(fail)
    reactor.log.info('b')
    let calls = 0
    reactor.schedule(1, () => {
      calls += 1
    })
    host.advance(5)
    expect(seen).toEqual(['a', 'b'])
    expect([calls, reactor.running, reactor.log.watcherFailures]).toEqual([1, true, 3])
  })

  it('delivers what a watcher logs a turn later still, without getting stuck', () => {
    const { host, reactor } = bare()
    const turns: number[] = []
    reactor.log.addWatcher({
      watch: () => {
        turns.push(host.steps)
        if (turns.length < 3) reactor.log.info('again')
      },
    })
    reactor.start()
    reactor.log.info('first')
    host.runUntilIdle()
    expect(turns).toEqual([1, 2, 3])
  })

  it('keeps what is logged before the start, and delivers what is left when the reactor stops, and later', () => {
    const { host, reactor } = bare()
    const seen: string[] = []
    reactor.log.addWatcher({ watch: (entry) => seen.push(entry.message) })
    reactor.log.info('before the start')
    expect(seen).toEqual([])
    reactor.start()
    host.runUntilIdle()
    reactor.log.info('last words')
    reactor.stop()
    reactor.log.info('after the stop')
    expect(seen).toEqual(['before the start', 'last words', 'after the stop'])
  })

  it('bounds what waits, and says how much it dropped', () => {
    const { host, reactor } = bare()
    const seen: string[] = []
    reactor.log.addWatcher({ watch: (entry) => seen.push(entry.message) })
    for (let index = 0; index < 10_005; index += 1) reactor.log.info(`entry ${index}`)
    reactor.start()
    host.runUntilIdle()
    expect(seen.length).toBe(10_001)
    expect(seen.at(-2)).toBe('entry 9999')
    expect(seen.at(-1)).toMatch(/^5 log entries were dropped/)
  })

  it('refuses what is no watcher and no filter', () => {
    const { reactor } = bare()
    expect(() => reactor.log.addWatcher({} as never)).toThrow(TypeError)
    expect(() => reactor.log.addWatcher(undefined as never)).toThrow(TypeError)
    expect(() => reactor.log.addFilter('x' as never)).toThrow(TypeError)
    expect(() => new VConsoleLog().addFilter(7 as never)).toThrow(TypeError)
  })
})

describe('a proxy logger', () => {
  it('puts its prefix in front, and prefixes nest [VE-S10]', () => {
    const { host, reactor, logged } = virtualReactor()
    reactor.start()
    const link = reactor.log.createProxyLogger('link')
    const session = link.createProxyLogger('session 7')
    link.info('up')
    const error = new Error('reset')
    session.error('down', error)
    session.log('at a level', 15)
    expect(logged).toEqual([])
    host.runUntilIdle()
    expect(logged.map(({ prefix, message, level }) => [prefix, message, level])).toEqual([
      ['link', 'up', 20],
      ['link: session 7', 'down', 40],
      ['link: session 7', 'at a level', 15],
    ])
    expect(logged[1]?.error).toBe(error)
    expect(session.prefix).toBe('session 7')
  })
})

describe('the default log watcher', () => {
  it('is installed when a reactor starts that has none [VE-S10] [VE-S01]', () => {
    const seen: string[] = []
    VReactor.setDefaultLogWatcher(undefined, { watch: (entry) => seen.push(entry.message) })
    const host = new VirtualHost()
    const reactor = new VReactor({ host })
    expect(reactor.log.watchers).toEqual([])
    reactor.start()
    expect(reactor.log.watchers.length).toBe(1)
    reactor.log.info('to the default')
    host.runUntilIdle()
    expect(seen).toEqual(['to the default'])
  })

  it('is left out where there is a watcher already, or none is wanted [VE-S10]', () => {
    VReactor.setDefaultLogWatcher(undefined, { watch: () => undefined })
    const own = { watch: () => undefined }
    const withOwn = new VReactor({ host: new VirtualHost() })
    withOwn.log.addWatcher(own)
    withOwn.start()
    expect(withOwn.log.watchers).toEqual([own])
    const withOption = new VReactor({ host: new VirtualHost(), logWatcher: own })
    withOption.start()
    expect(withOption.log.watchers).toEqual([own])
    const silent = new VReactor({ host: new VirtualHost(), logWatcher: null })
    silent.start()
    VReactor.setDefaultLogWatcher(undefined, null)
    const byDefault = new VReactor({ host: new VirtualHost() })
    byDefault.start()
    expect([silent.log.watchers, byDefault.log.watchers]).toEqual([[], []])
  })

  it('writes errors to the console unless set otherwise, from a level on when told so [VE-S10]', () => {
    const written: string[] = []
    vi.spyOn(stderr, 'write').mockImplementation((text) => {
      written.push(String(text))
      return true
    })
    const logAll = (): void => {
      const host = new VirtualHost()
      const reactor = new VReactor({ host })
      reactor.start()
      reactor.log.debug('d')
      reactor.log.warn('w')
      reactor.log.error('e')
      host.runUntilIdle()
    }
    logAll()
    expect(written).toEqual(['1970-01-01T00:00:00.000Z ERROR e\n'])
    VReactor.setDefaultLogWatcher(VLogLevel.warn)
    logAll()
    expect(written.slice(1)).toEqual([
      '1970-01-01T00:00:00.000Z WARN w\n',
      '1970-01-01T00:00:00.000Z ERROR e\n',
    ])
  })
})

describe('log text', () => {
  it('has time, level, prefix and message, with line ends escaped [VE-S10]', () => {
    const entry = {
      atMs: Date.UTC(2024, 1, 29, 23, 59, 58, 7),
      level: 30,
      prefix: 'a: b',
      message: 'one\r\ntwo\u001b[31m',
    }
    expect(formatLogEntry(entry)).toBe('2024-02-29T23:59:58.007Z WARN a: b: one\\r\\ntwo\\u001b[31m')
    expect(formatLogEntry({ atMs: 0, level: 20, prefix: '', message: 'x' })).toBe(
      '1970-01-01T00:00:00.000Z INFO x',
    )
  })

  it('shows an error with its trace, on the same line', () => {
    const line = formatLogEntry({
      atMs: 0,
      level: 40,
      prefix: '',
      message: 'failed',
      error: new Error('on\npurpose'),
    })
    expect(line).toMatch(/ ERROR failed: Error: on\\npurpose\\n {4}at .*log\.test/)
    expect(line).not.toMatch(/[\r\n]/)
    const odd = {
      toString: () => {
        throw new Error('no')
      },
    }
    expect(formatLogEntry({ atMs: 0, level: 40, prefix: '', message: 'm', error: odd })).toContain(
      'cannot be shown',
    )
    expect(formatLogEntry({ atMs: 0, level: 40, prefix: '', message: 'm', error: 'text' })).toMatch(
      /m: text$/,
    )
  })

  it('tells the time as Date does, for any day', () => {
    fc.assert(
      fc.property(fc.integer({ min: Date.UTC(1, 0, 1), max: Date.UTC(9999, 11, 31) }), (atMs) => {
        fc.pre(new Date(atMs).getUTCFullYear() >= 1000)
        const line = formatLogEntry({ atMs, level: 20, prefix: '', message: 'x' })
        expect(line).toBe(`${new Date(atMs).toISOString()} INFO x`)
      }),
    )
  })

  it('never holds a line end, whatever was logged [VE-S10]', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (prefix, message) => {
        const line = formatLogEntry({ atMs: 0, level: 20, prefix, message })
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(line).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/)
      }),
    )
    expect(escapeLogText('tab\there')).toBe('tab\there')
  })

  it('names the levels, and those in between after the one below', () => {
    expect([5, 10, 15, 20, 30, 40, 49, 50, 99].map(logLevelName)).toEqual([
      '5',
      'DEBUG',
      'DEBUG',
      'INFO',
      'WARN',
      'ERROR',
      'ERROR',
      'CRITICAL',
      'CRITICAL',
    ])
  })
})

function entry(message: string, level = 30): VLogEntry {
  return { atMs: 0, level, prefix: '', message }
}

describe('watchers that write', () => {
  it('VFileLog appends lines to a file until it is closed [VE-S10]', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vio-log-'))
    const path = join(folder, 'log')
    {
      using log = new VFileLog(path, { level: VLogLevel.warn })
      log.watch(entry('one\ntwo'))
      log.watch(entry('below the level', 20))
      log.close()
      log.watch(entry('after the close'))
    }
    {
      using log = new VFileLog(path, { format: ({ message }) => `> ${message}` })
      log.watch(entry('ü'))
    }
    expect(readFileSync(path, 'utf8')).toBe('1970-01-01T00:00:00.000Z WARN one\\ntwo\n> ü\n')
    rmSync(folder, { recursive: true })
    expect(() => new VFileLog(join(folder, 'gone', 'log'))).toThrow(/ENOENT/)
  })

  it('VConsoleLog writes lines to standard error, in the format it is given [VE-S10]', () => {
    const write = vi.spyOn(stderr, 'write').mockImplementation(() => true)
    const log = new VConsoleLog({ format: ({ level, message }) => `${level} ${message}` })
    log.watch({ atMs: 0, level: 10, prefix: '', message: 'hello' })
    expect(write.mock.calls).toEqual([['10 hello\n']])
  })
})

describe('VLogger by itself', () => {
  it('works on any queue and any clock', () => {
    const tasks: { runTask(): void }[] = []
    const logger = new VLogger({ post: (task) => tasks.push(task), clock: () => 42 })
    const seen: VLogEntry[] = []
    logger.addWatcher({ watch: (entry) => seen.push(entry) })
    logger.info('a')
    logger.info('b')
    expect(tasks.length).toBe(1)
    for (const task of tasks) task.runTask()
    expect(seen.map((entry) => [entry.atMs, entry.message])).toEqual([
      [42, 'a'],
      [42, 'b'],
    ])
  })
})
