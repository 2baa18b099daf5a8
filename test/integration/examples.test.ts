/**
 * Runs the examples as their readers would: what was built of them, each as a process, without a terminal. What they
 * print is part of what they promise.
 */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testCertificates } from '../lib/certificates.js'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const SOURCES = readdirSync(join(EXAMPLES, 'src')).map((file) => basename(file, '.ts'))

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vio-examples-'))
})

afterAll(() => rmSync(folder, { recursive: true }))

/** Runs an example with its temporary files below the folder of the test. */
function run(name: string, ...args: readonly string[]): Promise<Outcome> {
  const file = join(EXAMPLES, 'dist', `${name}.js`)
  if (!existsSync(file)) throw new Error(`${file} is not there: run \`npm run build\` first`)
  const env = { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder }
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { env, timeout: 50_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err })
    })
  })
}

/** The lines that each example prints; those that depend on a file have tests of their own. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  'chat-server': ['1 here', '2 here', 'hello from Ann'],
  'line-server': ['HELLO', 'HOW ARE YOU?'],
  'own-filter': ['the same for chunks of 1 to 27 bytes'],
  'rate-limit': ['after 1 s: 110000 bytes', 'after 5 s: 510000 bytes', 'all 1000000 bytes after 9900 ms'],
  'rx-events': ['the door was opened', 'the door was opened, then closed'],
  'tcp-proxy': ['the proxy listens', '500000 bytes came back, unchanged'],
  'tee-to-hex-log': [
    'client: 37 bytes from 0',
    'client: 00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|',
    'client: 00000010  48 6f 73 74 3a 20 65 78  61 6d 70 6c 65 2e 6f 72  |Host: example.or|',
    'client: 00000020  67 0d 0a 0d 0a                                    |g....|',
    'client: ended',
    'the service got 37 bytes',
  ],
  'web-streams': ['Jul qvq gur puvpxra pebff gur ebnq?'],
}

describe('the examples', () => {
  it('are all run here', () => {
    const others = ['first-chain', 'copy-with-digest', 'shell-over-socket', 'tee-to-pcapng', 'tls-terminator']
    expect([...Object.keys(PRINTED), ...others].toSorted()).toEqual(SOURCES.toSorted())
  })

  it('are short, but for the main one', () => {
    for (const name of SOURCES.filter((name) => name !== 'copy-with-digest')) {
      const lines = readFileSync(join(EXAMPLES, 'src', `${name}.ts`), 'utf8').split('\n').length - 1
      expect(lines, `lines of ${name}`).toBeLessThan(45)
    }
  })

  it.each(Object.entries(PRINTED))('%s prints what it says', async (name, lines) => {
    expect(await run(name)).toEqual({ code: 0, out: `${lines.join('\n')}\n`, err: '' })
  })
})

describe('first-chain', () => {
  it('copies a file and tells its digest', async () => {
    const [from, to] = [join(folder, 'from'), join(folder, 'to')]
    const bytes = randomBytes(200_000)
    writeFileSync(from, bytes)
    const digest = createHash('sha256').update(bytes).digest('hex')
    expect(await run('first-chain', from, to)).toEqual({
      code: 0,
      out: `200000 bytes, sha256 ${digest}\n`,
      err: '',
    })
    expect(readFileSync(to).equals(bytes)).toBe(true)
  })

  it('reads itself if it is told nothing else', async () => {
    expect((await run('first-chain')).out).toMatch(/^\d+ bytes, sha256 [0-9a-f]{64}\n$/)
  })

  it('tells why it failed', async () => {
    expect((await run('first-chain', join(folder, 'missing'))).out).toMatch(/^failed: .*ENOENT/)
  })
})

describe('copy-with-digest', () => {
  it('makes a file, copies it, compares the digests and leaves nothing behind', async () => {
    const before = readdirSync(folder)
    const { code, out, err } = await run('copy-with-digest')
    expect(out).toMatch(/^SAME: sha256 [0-9a-f]{64} read and written, 64\.0 MB in [\d.]+ s\n$/)
    expect(code).toBe(0)
    // The meter writes whole lines where there is no terminal.
    expect(err).toMatch(/^( *\d+ % {2}[\d.]+ MB read, [\d.]+ MB compressed, [\d.]+ MB\/s\n)+$/)
    expect(err).toContain('100 %  64.0 MB read')
    expect(readdirSync(folder)).toEqual(before)
  })

  it('takes a file of yours', async () => {
    const from = join(folder, 'mine')
    const bytes = randomBytes(1_500_000)
    writeFileSync(from, bytes)
    const digest = createHash('sha256').update(bytes).digest('hex')
    const { code, out } = await run('copy-with-digest', from)
    expect(out).toMatch(new RegExp(`^SAME: sha256 ${digest} read and written, 1\\.5 MB in `))
    expect(code).toBe(0)
    expect(readFileSync(from).equals(bytes)).toBe(true)
  })

  it('says what is wrong with a file that it cannot copy, by its exit code too', async () => {
    for (const wrong of [join(folder, 'missing'), folder]) {
      const { code, out } = await run('copy-with-digest', wrong)
      expect(out).toMatch(/^FAILED: E(NOENT|ISDIR|PERM|ACCES)/)
      expect(code).toBe(1)
    }
  })
})

describe('tee-to-pcapng', () => {
  it('writes a capture that begins like one', async () => {
    const file = join(folder, 'chain.pcapng')
    const { code, out, err } = await run('tee-to-pcapng', file)
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/^the service got 18 bytes\nthe capture has \d+ bytes\nit begins with 0a0d0d0a\n$/)
    expect(readFileSync(file).includes('GET / HTTP/1.1')).toBe(true)
  })
})

describe('tls-terminator', () => {
  it('carries a line through TLS and back', async () => {
    const { server, authority } = await testCertificates()
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    writeFileSync(key, server.key)
    writeFileSync(cert, server.cert + authority.cert)
    const said = 'plain text heard: a secret\nover TLSv1.3\n'
    expect(await run('tls-terminator', key, cert)).toEqual({ code: 0, out: said, err: '' })
  })
})

describe('shell-over-socket', () => {
  it.skipIf(process.platform === 'win32')('runs what it is told and tells how it ended', async () => {
    const { code, out, err } = await run('shell-over-socket')
    // The two lines come from two sides.
    expect([code, err, out.split('\n').toSorted().join('|')]).toEqual([
      0,
      '',
      '|6 times 7 is 42|the shell ended with 3',
    ])
  })
})
