/**
 * Forwards and rules as they are typed.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AllowList, DEFAULT_RULES, ruleFor } from '../../../packages/cli/src/forward/allow.js'
import { ForwardUsage } from '../../../packages/cli/src/forward/errors.js'
import { type ForwardFlag, formatSpec, parseForward } from '../../../packages/cli/src/forward/spec.js'
import {
  type ForwardTarget,
  formatTarget,
  netTarget,
  unixTarget,
} from '../../../packages/cli/src/forward/target.js'

describe('parseForward', () => {
  it.each<readonly [ForwardFlag, string, string]>([
    ['-L', '8080:localhost:80', '127.0.0.1:8080 -> peer -> localhost:80'],
    ['-L', '*:8080:example.org:80', '*:8080 -> peer -> example.org:80'],
    ['-L', ':8080:10.0.0.1:80', '*:8080 -> peer -> 10.0.0.1:80'],
    ['-L', '[::1]:8080:[fe80::1%eth0]:80', '[::1]:8080 -> peer -> [fe80::1%eth0]:80'],
    ['-L', '5353:1.1.1.1:53/udp', '127.0.0.1:5353/udp -> peer -> 1.1.1.1:53/udp'],
    ['-L', '8080:localhost:80/tcp', '127.0.0.1:8080 -> peer -> localhost:80'],
    ['-L', '8080:/run/app.sock', '127.0.0.1:8080 -> peer -> /run/app.sock'],
    ['-L', '8080:/run/app.sock/udp', '127.0.0.1:8080 -> peer -> /run/app.sock/udp'],
    ['-L', 'localhost:0:/run/app.sock', 'localhost:0 -> peer -> /run/app.sock'],
    ['-R', '2222:localhost:22', 'peer 127.0.0.1:2222 -> here -> localhost:22'],
    ['-R', '/tmp/there:localhost:22', 'peer /tmp/there -> here -> localhost:22'],
    ['-D', '1080', '127.0.0.1:1080 -> wherever SOCKS clients ask for'],
    ['-D', '[::]:1080', '[::]:1080 -> wherever SOCKS clients ask for'],
    ['-U', './here:localhost:80', './here -> peer -> localhost:80'],
    ['-U', '/tmp/here:/tmp/there', '/tmp/here -> peer -> /tmp/there'],
    ['-U', '@here:@there', '@here -> peer -> @there'],
  ])('reads %s %s', (flag, text, line) => {
    expect(formatSpec(parseForward(flag, text))).toBe(line)
  })

  it.each<readonly [ForwardFlag, string, RegExp]>([
    ['-L', '', /no port/],
    ['-L', '8080', /target is missing/],
    ['-L', '8080:80', /target is missing/],
    ['-L', '8080:localhost:80:90', /too many parts/],
    ['-L', '8080:localhost:http', /no port/],
    ['-L', '8080:localhost:0', /port is a whole number from 1/],
    ['-L', '65536:localhost:80', /port is a whole number/],
    ['-L', '99999999:localhost:80', /no port/],
    ['-L', '8080:-x:80', /no host name/],
    ['-L', '8080:300.1.1.1:80', /no host name/],
    ['-L', '8080:::1:80', /too many parts/],
    ['-L', '8080:[::1:80', /brackets/],
    ['-L', '/tmp/x:localhost:53/udp', /UDP port to a UDP port/],
    ['-U', '8080:localhost:80', /path of a socket/],
    ['-U', `/${'x'.repeat(200)}:localhost:80`, /at most/],
    ['-D', 'a:b:c', /too many parts/],
    ['-D', 'x', /no port/],
  ])('refuses %s %s', (flag, text, message) => {
    const read = (): unknown => parseForward(flag, text)
    expect(read).toThrow(ForwardUsage)
    expect(read).toThrow(message)
    expect(read).toThrow(/the form is/)
  })

  it('throws nothing but ForwardUsage', () => {
    const flags = fc.constantFrom<ForwardFlag>('-L', '-R', '-D', '-U')
    const pieces = fc.constantFrom(
      ':',
      '[',
      ']',
      '/',
      '@',
      '.',
      '*',
      '80',
      '0',
      '::1',
      'host',
      '/udp',
      '\0',
      ' ',
      'ü',
    )
    fc.assert(
      fc.property(flags, fc.array(pieces, { maxLength: 10 }), (flag, parts) => {
        try {
          formatSpec(parseForward(flag, parts.join('')))
        } catch (error) {
          expect(error).toBeInstanceOf(ForwardUsage)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

function target(text: string): ForwardTarget {
  if (text.startsWith('/')) return unixTarget(text)
  const [, host = '', port, udp] = /^\[?(.*?)\]?:(\d+)(\/udp)?$/.exec(text) ?? []
  return netTarget(udp === undefined ? 'tcp' : 'udp', host, Number(port))
}

describe('AllowList', () => {
  it.each<readonly [string, string, 'yes' | 'no' | 'maybe']>([
    ['any', '10.0.0.1:22', 'yes'],
    ['any', '/run/x', 'yes'],
    ['none', '127.0.0.1:22', 'no'],
    ['localhost', '127.9.9.9:22', 'yes'],
    ['localhost', '[::1]:22', 'yes'],
    ['localhost', '[::ffff:127.0.0.1]:22', 'yes'],
    ['localhost', 'LocalHost:22', 'yes'],
    ['localhost', '127.0.0.1:22/udp', 'yes'],
    ['localhost', '0.0.0.0:22', 'no'],
    ['localhost', '[::]:22', 'no'],
    ['localhost', '128.0.0.1:22', 'no'],
    ['localhost', 'example.org:22', 'maybe'],
    ['localhost', '/run/x', 'no'],
    ['localhost:80', '127.0.0.1:80', 'yes'],
    ['localhost:80', '127.0.0.1:81', 'no'],
    ['localhost:80-90', '127.0.0.1:90', 'yes'],
    ['tcp:localhost', '127.0.0.1:53/udp', 'no'],
    ['udp:localhost', '127.0.0.1:53/udp', 'yes'],
    ['udp:localhost', '127.0.0.1:53', 'no'],
    ['listen:localhost', '127.0.0.1:53', 'no'],
    ['10.0.0.0/8:22', '10.255.0.1:22', 'yes'],
    ['10.0.0.0/8:22', '11.0.0.1:22', 'no'],
    ['10.0.0.0/8:22', 'inside.example:22', 'maybe'],
    ['10.0.0.0/8:22', 'inside.example:23', 'no'],
    ['fe80::/10', '[fe80::1%eth0]:80', 'yes'],
    ['[2001:db8::1]:80', '[2001:db8:0:0::1]:80', 'yes'],
    ['example.org:443', 'example.org:443', 'yes'],
    ['example.org:443', 'EXAMPLE.org.:443', 'yes'],
    ['example.org:443', 'www.example.org:443', 'no'],
    ['*.example.org', 'www.example.org:1', 'yes'],
    ['*.example.org', 'example.org:1', 'no'],
    ['*.example.org', 'badexample.org:1', 'no'],
    ['*:25', 'anything.example:25', 'yes'],
    ['*:25', '192.0.2.1:26', 'no'],
    ['/run/app.sock', '/run/app.sock', 'yes'],
    ['/run/app.sock', '/run/app.sock2', 'no'],
    ['/run/app/*', '/run/app/x', 'yes'],
    ['/run/app/*', '/run/app/../secret', 'no'],
    ['/run/app/*', '/run/app/', 'no'],
  ])('with %s: %s is %s', (rule, text, verdict) => {
    const list = new AllowList([rule])
    const found = list.allows(target(text))
    // A name that no rule for addresses can match once it was looked up comes to the same as no.
    if (verdict === 'no' && found === 'maybe')
      expect(list.allowsAddress(target(text) as never, '192.0.2.9')).toBe(false)
    else expect(found).toBe(verdict)
  })

  it('holds a name against the rules by what it leads to', () => {
    const list = new AllowList(['10.0.0.0/8:22', 'localhost:22'])
    const wanted = netTarget('tcp', 'inside.example', 22)
    expect(['10.1.1.1', '192.0.2.1', '127.0.0.1', '::1'].map((at) => list.allowsAddress(wanted, at))).toEqual(
      [true, false, true, true],
    )
  })

  it('lets the other side listen on this machine alone by default', () => {
    const list = new AllowList(DEFAULT_RULES)
    const at = (host: string): boolean => list.allowsListen({ kind: 'tcp', host, port: 8080 })
    expect(
      ['127.0.0.1', '::1', 'localhost', '', '0.0.0.0', '::', '192.0.2.1', 'example.org'].map(at),
    ).toEqual([true, true, true, false, false, false, false, false])
    expect(list.allowsListen({ kind: 'unix', path: '/tmp/x' })).toBe(false)
    expect(new AllowList(['/tmp/x']).allowsListen({ kind: 'unix', path: '/tmp/x' })).toBe(false)
    expect(new AllowList(['listen:/tmp/*']).allowsListen({ kind: 'unix', path: '/tmp/x' })).toBe(true)
    expect(new AllowList(['listen:/tmp/*']).allows(unixTarget('/tmp/x'))).toBe('no')
    expect(new AllowList(['listen:*:8080']).allowsListen({ kind: 'udp', host: '', port: 8080 })).toBe(true)
    expect(new AllowList(['localhost']).allowsListen({ kind: 'tcp', host: '127.0.0.1', port: 1 })).toBe(false)
  })

  it.each(['', ':80', 'a b', 'x:y', 'x:9-1', 'x:70000', '10.0.0.0/40', '[::1', 'a:b:c', '*.'])(
    'refuses %j as a rule',
    (text) => {
      expect(() => new AllowList([text])).toThrow(ForwardUsage)
    },
  )

  it('says the rule that would let something in, so that it does', () => {
    for (const text of ['10.0.0.1:22', '[fe80::1]:53/udp', 'example.org:80', '/run/x'])
      expect(new AllowList([ruleFor(formatTarget(target(text)))]).allows(target(text))).toBe('yes')
    const at = { host: '0.0.0.0', port: 80 }
    const listen = (text: string): AllowList => new AllowList([ruleFor(`listen:${text}`)])
    expect(listen('0.0.0.0:80').allowsListen({ kind: 'tcp', ...at })).toBe(true)
    expect(listen('0.0.0.0:80/udp').allowsListen({ kind: 'udp', ...at })).toBe(true)
    expect(listen('/run/x').allowsListen({ kind: 'unix', path: '/run/x' })).toBe(true)
  })
})
