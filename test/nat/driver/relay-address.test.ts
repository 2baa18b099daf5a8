/**
 * How a relay is named, and what is no name of one.
 */
import {
  formatRelayAddress,
  parseRelayAddress,
  parseRelayQuota,
  VRelayAddressError,
  VRelayHost,
  VRelayQuotaError,
} from '@vio/nat'
import { VReactor } from '@vio/reactor'
import { assert, domain, integer, ipV4, ipV6, oneof, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { propertyRuns } from '../../lib/runs.js'

const plain = { scheme: 'tcp', port: 3478, path: '/' } as const

describe('the address of a relay', () => {
  it.each([
    ['relay.example', { ...plain, host: 'relay.example' }],
    [' Relay.Example ', { ...plain, host: 'relay.example' }],
    ['relay.example:443', { ...plain, host: 'relay.example', port: 443 }],
    ['192.0.2.7', { ...plain, host: '192.0.2.7' }],
    ['192.0.2.7:1', { ...plain, host: '192.0.2.7', port: 1 }],
    ['[2001:db8::7]:65535', { ...plain, host: '2001:db8::7', port: 65_535 }],
    ['[2001:db8::7]', { ...plain, host: '2001:db8::7' }],
    ['2001:db8::7', { ...plain, host: '2001:db8::7' }],
    ['tcp://a', { ...plain, host: 'a' }],
    ['tls://a:444', { ...plain, scheme: 'tls', host: 'a', port: 444 }],
    ['TLS://a/', { ...plain, scheme: 'tls', host: 'a' }],
    ['ws://a:80/relay/1', { scheme: 'ws', host: 'a', port: 80, path: '/relay/1' }],
    ['wss://[::1]:443', { scheme: 'wss', host: '::1', port: 443, path: '/' }],
  ])('is read from %s', (text, address) => {
    expect(parseRelayAddress(text)).toEqual(address)
    expect(parseRelayAddress(formatRelayAddress(parseRelayAddress(text)))).toEqual(address)
  })

  it.each([
    ['', 'empty'],
    ['   ', 'empty'],
    ['http://a', 'scheme'],
    ['wsss://a:1', 'scheme'],
    ['a:', 'port'],
    ['a:0', 'port'],
    ['a:65536', 'port'],
    ['a:1e3', 'port'],
    ['a:-1', 'port'],
    ['a:99999999999', 'port'],
    [':3478', 'host'],
    ['tls://', 'host'],
    ['a b', 'host'],
    ['-a', 'host'],
    ['a..b', 'host'],
    ['user@a', 'host'],
    ['1.2.3', 'host'],
    ['1.2.3.256', 'host'],
    ['[192.0.2.7]:1', 'host'],
    ['[::1', 'host'],
    ['::1]:5', 'host'],
    ['2001:db8::7:x', 'host'],
    ['a\u0000b', 'host'],
    [`${'a'.repeat(254)}`, 'host'],
    [`a${'/a'.repeat(400)}`, 'host'],
    ['a/b', 'path'],
    ['tls://a:1/b', 'path'],
    ['ws://a/b?c', 'path'],
    ['ws://a/b c', 'path'],
    ['ws://a/b\r\nX: y', 'path'],
  ])('is refused by name: %j', (text, reason) => {
    const refused = (): unknown => parseRelayAddress(text)
    expect(refused).toThrow(VRelayAddressError)
    expect(refused).toThrow(expect.objectContaining({ reason, code: 'V_NAT_RELAY_ADDRESS' }))
    // One line for a terminal, whatever stood in it.
    expect(refused).toThrow(/^[ -~]+$/)
  })

  it('reads what it has written, and throws nothing else for any text', () => {
    const hosts = oneof(domain(), ipV4(), ipV6())
    assert(
      property(hosts, integer({ min: 1, max: 65_535 }), (host, port) => {
        const address = { ...plain, host, port }
        const text = formatRelayAddress(address)
        expect(parseRelayAddress(text)).toEqual({ ...address, host: parseRelayAddress(text).host })
        expect(formatRelayAddress(parseRelayAddress(text)).toLowerCase()).toBe(text.toLowerCase())
      }),
      propertyRuns(200),
    )
    assert(
      property(string({ unit: 'binary' }), (text) => {
        try {
          parseRelayAddress(text)
        } catch (error) {
          expect(error).toBeInstanceOf(VRelayAddressError)
        }
      }),
      propertyRuns(500),
    )
  })
})

describe('a quota', () => {
  it.each([
    ['rooms=5', { maxRooms: 5 }],
    ['pairs-per-source=2', { maxPairsPerSource: 2 }],
    ['bytes-per-second=1.5M', { bytesPerSecond: 1_500_000 }],
    ['bytes-per-second-per-source=2g', { bytesPerSecondPerSource: 2e9 }],
    ['minutes=30', { maxMinutes: 30 }],
  ])('is read from %s', (text, quota) => {
    expect(parseRelayQuota(text)).toEqual(quota)
  })

  it.each([
    '',
    'rooms',
    'rooms=',
    'rooms=-1',
    'rooms=0',
    'rooms=5X',
    'room=5',
    'toString=5',
    '=5',
    'rooms=5=6',
  ])('is refused by name: %j', (text) => {
    expect(() => parseRelayQuota(text)).toThrow(VRelayQuotaError)
  })

  it('of a relay is a number above 0, with a name that there is', () => {
    const reactor = new VReactor()
    const made = (quotas: object): VRelayHost => new VRelayHost(reactor, { quotas })
    expect(() => made({ maxRooms: 0 })).toThrow(VRelayQuotaError)
    expect(() => made({ maxRooms: Number.NaN })).toThrow(VRelayQuotaError)
    expect(() => made({ maxRoms: 5 })).toThrow(/maxRoms is no quota/)
    expect(() => made({ bytesPerSecond: Number.POSITIVE_INFINITY })).not.toThrow()
  })
})
