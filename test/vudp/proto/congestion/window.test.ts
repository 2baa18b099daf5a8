/**
 * NewReno and CUBIC: windows in datagrams, round by round.
 */
import { describe, expect, it } from 'vitest'
import { createCongestion } from '../../../../packages/vudp/src/proto/congestion/create.js'
import { Cubic } from '../../../../packages/vudp/src/proto/congestion/cubic.js'
import { FixedCongestion } from '../../../../packages/vudp/src/proto/congestion/fixed.js'
import { Reno } from '../../../../packages/vudp/src/proto/congestion/reno.js'
import { Rtt } from '../../../../packages/vudp/src/proto/rtt.js'
import { DATAGRAM, Ledger } from './ledger.js'

const BOTH = [
  ['reno', Reno, 0.5],
  ['cubic', Cubic, 0.7],
] as const

describe.each(BOTH)('%s', (name, Controller, factor) => {
  const make = (options = {}): Ledger => new Ledger((given) => new Controller(given), options)

  it('doubles the window each round in slow start', () => {
    const ledger = make()
    expect(ledger.window).toBe(10)
    expect(ledger.rounds(4)).toEqual([20, 40, 80, 160])
    expect(ledger.congestion.state).toBe('slow-start')
    expect(ledger.congestion.ssthreshBytes).toBe(Number.POSITIVE_INFINITY)
  })

  it('cuts once for all losses of a flight', () => {
    const ledger = make()
    ledger.rounds(3)
    ledger.round({ lost: [3, 4, 5, 40, -1] })
    // What was acknowledged before the first loss was found had grown the window by 3.
    expect(ledger.window).toBe(Math.round(83 * factor))
    expect(ledger.congestion.ssthreshBytes).toBe(ledger.congestion.windowBytes)
    expect(ledger.congestion.state).toBe('recovery')
    ledger.round()
    expect(ledger.congestion.state).toBe('avoidance')
  })

  it('never goes below two datagrams', () => {
    const ledger = make()
    for (let count = 0; count < 20; count += 1) ledger.round({ lost: [0] })
    expect(ledger.window).toBe(2)
    ledger.congestion.onPersistentCongestion(ledger.now)
    expect(ledger.window).toBe(2)
  })

  it('takes a cut back when all its losses were late datagrams', () => {
    const ledger = make()
    ledger.rounds(3)
    const before = ledger.congestion.ssthreshBytes
    ledger.round({ lost: [-2, -1] })
    const cut = ledger.window
    const [first, second] = ledger.lost
    if (first === undefined || second === undefined) throw new Error('nothing was lost')
    ledger.congestion.onSpurious(ledger.now, first)
    expect(ledger.window).toBe(cut)
    ledger.congestion.onSpurious(ledger.now, second)
    expect(ledger.window).toBe(158)
    expect(ledger.congestion.ssthreshBytes).toBe(before)
    expect(ledger.congestion.state).toBe('slow-start')
  })

  it('leaves the window alone while the application does not use it', () => {
    const ledger = make()
    ledger.rounds(2)
    // The first acknowledgement comes while the full flight before it is still remembered.
    expect(ledger.rounds(10, { app: 8 })).toEqual(new Array(10).fill(41))
    ledger.round({ lost: [0] })
    const after = ledger.window
    expect(ledger.rounds(10, { app: 8 })).toEqual(new Array(10).fill(after))
  })

  it('goes back to slow start after persistent congestion, up to the old threshold', () => {
    const ledger = make()
    ledger.rounds(4)
    ledger.round({ lost: [0] })
    const threshold = Math.round(ledger.congestion.ssthreshBytes / DATAGRAM)
    ledger.congestion.onPersistentCongestion(ledger.now)
    expect(ledger.rounds(3)).toEqual([4, 8, 16])
    expect(ledger.rounds(6).at(2)).toBeLessThanOrEqual(threshold + 20)
  })

  it('paces at twice the window a round trip in slow start, at it after a cut, at a little more later', () => {
    const ledger = make()
    expect(ledger.congestion.pacingRate).toBe(Number.POSITIVE_INFINITY)
    ledger.round()
    expect(ledger.congestion.pacingRate).toBeCloseTo((2 * ledger.congestion.windowBytes) / 100)
    ledger.round({ lost: [0] })
    expect(ledger.congestion.pacingRate).toBeCloseTo(ledger.congestion.ssthreshBytes / 100)
    ledger.round()
    expect(ledger.congestion.pacingRate).toBeCloseTo(ledger.congestion.windowBytes / 100)
    ledger.round()
    expect(ledger.congestion.pacingRate).toBeCloseTo((1.05 * ledger.congestion.windowBytes) / 100)
  })

  it('measures what the path delivers', () => {
    const ledger = make()
    ledger.rounds(4)
    expect(ledger.congestion.deliveryRate).toBeCloseTo((80 * DATAGRAM) / 100, -2)
  })

  it('keeps below the largest window that it is given', () => {
    const ledger = make({ maxWindowBytes: 25 * DATAGRAM })
    expect(ledger.rounds(4)).toEqual([20, 25, 25, 25])
    expect(ledger.congestion.name).toBe(name)
  })

  it('stays at two datagrams at least when datagrams get larger', () => {
    const ledger = make()
    for (let count = 0; count < 20; count += 1) ledger.round({ lost: [0] })
    ledger.congestion.setDatagramBytes(9_000)
    expect(ledger.congestion.windowBytes).toBe(18_000)
  })
})

/** Twenty windows a line. */
function inLines(windows: readonly number[]): string {
  return windows.map((each, at) => `${each}${at % 20 === 19 ? '\n' : ' '}`).join('')
}

describe('the way back after a loss, in datagrams a round of 100 ms', () => {
  it('is a straight line for NewReno', () => {
    const ledger = new Ledger((options) => new Reno(options))
    ledger.rounds(3)
    ledger.round({ lost: [0] })
    expect(ledger.rounds(12).join(' ')).toMatchInlineSnapshot(`"41 42 43 44 45 46 47 48 49 50 51 52"`)
  })

  it('is a curve for CUBIC: steep, flat at the old window, steep again', () => {
    const ledger = new Ledger((options) => new Cubic(options))
    ledger.rounds(5)
    ledger.round({ lost: [0] })
    expect(inLines(ledger.rounds(80))).toMatchInlineSnapshot(`
      "225 230 234 239 243 247 250 254 258 261 264 267 270 273 276 279 281 284 286 288
      290 292 294 296 298 299 301 303 304 305 306 308 309 310 311 312 312 313 314 314
      315 316 316 316 317 317 317 318 318 318 318 319 319 319 319 319 319 319 319 319
      319 319 319 319 319 319 319 319 319 319 319 319 319 320 320 320 320 321 321 321
      "
    `)
  })

  it("is NewReno's line for CUBIC on short ways", () => {
    const ledger = new Ledger((options) => new Cubic(options))
    ledger.rounds(3, { rttMs: 4 })
    ledger.round({ rttMs: 4, lost: [0] })
    expect(ledger.rounds(40, { rttMs: 4 }).join(' ')).toMatchInlineSnapshot(
      `"57 57 58 58 59 59 60 60 61 61 62 62 63 63 64 64 65 65 66 66 67 68 68 69 69 70 70 71 71 72 72 73 73 74 74 75 75 76 76 77"`,
    )
  })

  it('does not lead CUBIC back to what slow start had and the path did not hold', () => {
    const ledger = new Ledger((options) => new Cubic(options))
    ledger.rounds(5)
    ledger.round({ lost: Array.from({ length: 100 }, (_, index) => 2 * index) })
    // 320, less the 100 that were lost, is below the cut: nothing is known of a better window, and growth begins gently.
    expect(inLines(ledger.rounds(20))).toMatchInlineSnapshot(`
      "225 225 226 226 227 227 228 228 229 229 230 230 231 231 232 232 233 233 234 235
      "
    `)
    const some = new Ledger((options) => new Cubic(options))
    some.rounds(5)
    some.round({ lost: Array.from({ length: 50 }, (_, index) => 2 * index) })
    expect(inLines(some.rounds(80))).toMatchInlineSnapshot(`
      "225 228 230 233 235 238 240 242 244 246 248 249 251 252 254 255 257 258 259 260
      261 262 263 264 264 265 266 266 267 267 268 268 268 269 269 269 269 269 270 270
      270 270 270 270 270 270 270 270 270 270 270 270 270 270 270 270 270 270 270 271
      271 271 271 271 272 272 272 273 273 274 274 275 275 276 277 278 279 280 281 282
      "
    `)
  })

  it('makes room for others when CUBIC loses before it is back', () => {
    const ledger = new Ledger((options) => new Cubic(options))
    ledger.rounds(5)
    ledger.round({ lost: [0] })
    ledger.rounds(3)
    ledger.round({ lost: [0] })
    expect(inLines(ledger.rounds(60))).toMatchInlineSnapshot(`
      "165 167 169 172 173 175 177 179 180 182 183 185 186 187 188 189 190 191 192 193
      194 194 195 195 196 196 197 197 198 198 198 198 199 199 199 199 199 199 199 199
      199 199 199 199 199 199 199 199 199 199 199 199 199 200 200 200 200 200 200 201
      "
    `)
  })
})

describe('HyStart++', () => {
  it('leaves slow start when round trips grow, after five careful rounds', () => {
    const ledger = new Ledger((options) => new Cubic(options))
    ledger.rounds(4)
    const windows: string[] = []
    for (let count = 0; count < 9; count += 1) {
      ledger.round({ rttMs: 120 })
      windows.push(`${ledger.window} ${ledger.congestion.state}`)
    }
    expect(windows.join('\n')).toMatchInlineSnapshot(`
      "206 conservative-slow-start
      258 conservative-slow-start
      322 conservative-slow-start
      402 conservative-slow-start
      503 conservative-slow-start
      504 avoidance
      505 avoidance
      506 avoidance
      507 avoidance"
    `)
  })

  it('goes on with slow start when the growth was none', () => {
    const ledger = new Ledger((options) => new Cubic(options))
    ledger.rounds(3)
    ledger.round({ rttMs: 120 })
    expect(ledger.congestion.state).toBe('conservative-slow-start')
    ledger.round({ rttMs: 99 })
    expect(ledger.congestion.state).toBe('slow-start')
  })
})

describe('createCongestion', () => {
  const options = { datagramBytes: DATAGRAM, rtt: new Rtt() }

  it.each(['cubic', 'bbr', 'reno'] as const)('makes %s', (name) => {
    expect(createCongestion(name, options).name).toBe(name)
  })

  it('refuses other names', () => {
    expect(() => createCongestion('vegas' as 'reno', options)).toThrow("'vegas'")
  })
})

describe('the fixed controller', () => {
  it('does not move', () => {
    const ledger = new Ledger(() => new FixedCongestion(5 * DATAGRAM, 7))
    expect(ledger.rounds(3)).toEqual([5, 5, 5])
    ledger.round({ lost: [0, 1, 2] })
    ledger.congestion.onPersistentCongestion(ledger.now)
    expect(ledger.window).toBe(5)
    expect(ledger.congestion.pacingRate).toBe(7)
  })
})
