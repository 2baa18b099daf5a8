/**
 * Connections through a forward: over real sockets, whatever way they end.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ForwardListenError, ForwardRefused } from '../../../packages/cli/src/forward/errors.js'
import { afterwards, client, echo, exchange, noise, pairOf, readAll, serve, until } from './rig.js'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'vut-'))
  afterwards(() => rmSync(made, { recursive: true, force: true }))
  return made
}

describe('vut forward -L', () => {
  it('carries bytes both ways and ends each way by itself', async () => {
    const port = await echo()
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${port}`]] })
    const sent = noise(3_000_000)
    const { bytes, clean } = await exchange(pair.port(), sent)
    expect([bytes.equals(sent), clean]).toEqual([true, true])
  })

  it('lets the server answer after the end of the request, and speak first', async () => {
    const port = await serve((socket) => {
      socket.write('hello ')
      const pieces: Buffer[] = []
      socket.on('data', (piece) => pieces.push(piece))
      socket.on('end', () => setTimeout(() => socket.end(`${Buffer.concat(pieces)} heard`), 20))
    })
    const pair = await pairOf({ forwards: [['-L', `0:localhost:${port}`]] })
    const { bytes, clean } = await exchange(pair.port(), Buffer.from('request'))
    expect([String(bytes), clean]).toEqual(['hello request heard', true])
  })

  it('carries 300 connections at once', async () => {
    const port = await echo()
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${port}`]] })
    const sent = Array.from({ length: 300 }, (_, at) => Buffer.from(`connection ${at}`))
    const back = await Promise.all(sent.map((bytes) => exchange(pair.port(), bytes)))
    expect(back.map(({ bytes }) => String(bytes))).toEqual(sent.map(String))
  })

  it('stops the client while the server does not read', async () => {
    let server: Socket | undefined
    const port = await serve((socket) => {
      server = socket.pause()
    })
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${port}`]] })
    const socket = await client(pair.port())
    let taken = 0
    const piece = Buffer.alloc(1 << 20)
    const total = 256
    const pump = (): void => {
      while (taken < total && socket.write(piece)) taken += 1
    }
    socket.on('drain', pump)
    pump()
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(taken).toBeLessThan(total)
    expect(server).toBeDefined()
    socket.destroy()
  })

  it('resets the client when the server resets, and the server when the client does', async () => {
    let server: Socket | undefined
    const ends: boolean[] = []
    const port = await serve((socket) => {
      server = socket
      socket.on('end', () => ends.push(true))
      socket.on('close', (hadError) => ends.push(!hadError))
      socket.resume()
    })
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${port}`]] })
    const first = await client(pair.port())
    const answer = readAll(first)
    first.write('x')
    await until(() => server !== undefined)
    server?.resetAndDestroy()
    expect((await answer).clean).toBe(false)
    server = undefined
    ends.length = 0
    const second = await client(pair.port())
    second.write('x')
    await until(() => server !== undefined)
    second.resetAndDestroy()
    await until(() => ends.length > 0, 'the end at the server')
    expect(ends[0]).toBe(false)
  })

  it('resets a client whose target is not there, and tells why', async () => {
    const pair = await pairOf({ forwards: [['-L', '0:127.0.0.1:1']] })
    const socket = await client(pair.port())
    expect((await readAll(socket)).clean).toBe(false)
    const [failed] = pair.near.events.filter(({ type }) => type === 'failed')
    const error = failed?.type === 'failed' ? failed.error : undefined
    expect(error).toBeInstanceOf(ForwardRefused)
    expect((error as ForwardRefused).status).toBe('refused')
    expect(error?.message).toContain('ECONNREFUSED')
  })

  it('refuses by name what the other side does not allow, and tells that side how to allow it', async () => {
    const pair = await pairOf({ forwards: [['-L', '0:192.0.2.1:22']] })
    const socket = await client(pair.port())
    expect((await readAll(socket)).clean).toBe(false)
    await until(() => pair.near.events.some(({ type }) => type === 'failed'))
    expect(pair.far.events).toContainEqual({ type: 'refused', what: '192.0.2.1:22', rule: '192.0.2.1:22' })
  })

  it('cannot have a port that is taken, and says so with the code of the system', async () => {
    const port = await echo()
    const error = await pairOf({ forwards: [['-L', `${port}:127.0.0.1:1`]] }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(ForwardListenError)
    expect((error as ForwardListenError).systemCode).toBe('EADDRINUSE')
  })
})

describe('vut forward -U and paths', () => {
  it('goes from a Unix socket to a Unix socket, and removes its own in the end', async () => {
    const [here, there] = [join(folder(), 'here'), join(folder(), 'there')]
    await echo({ path: there })
    const pair = await pairOf({ forwards: [['-U', `${here}:${there}`]] }, { allow: [there] })
    // Whoever may not write to it cannot connect.
    expect(statSync(here).mode & 0o022).toBe(0)
    const sent = noise(400_000)
    const { bytes, clean } = await exchange(here, sent)
    expect([bytes.equals(sent), clean]).toEqual([true, true])
    pair.near.interrupt.abort(new Error('enough'))
    await pair.near.ended
    await until(() => !existsSync(here), 'the path to be gone')
    expect(existsSync(there)).toBe(true)
  })

  it('does not reach a Unix socket of the other side that nobody has named', async () => {
    const there = join(folder(), 'there')
    await echo({ path: there })
    const pair = await pairOf({ forwards: [['-L', `0:${there}`]] })
    expect((await readAll(await client(pair.port()))).clean).toBe(false)
    expect(pair.far.events).toContainEqual({ type: 'refused', what: there, rule: there })
  })
})

describe('vut forward -R', () => {
  it('listens on the other side and leads to this one', async () => {
    const port = await echo()
    const pair = await pairOf({ forwards: [['-R', `0:127.0.0.1:${port}`]] })
    const sent = noise(500_000)
    const { bytes } = await exchange(pair.port(), sent)
    expect(bytes.equals(sent)).toBe(true)
    expect(pair.far.events.some(({ type }) => type === 'serving')).toBe(true)
  })

  it.each(['0.0.0.0:0', '*:0'])('is not allowed to be heard by others on %s without a rule', async (at) => {
    const pair = await pairOf({ forwards: [['-R', `${at}:127.0.0.1:1`]] })
    const error = await pair.near.ended
    expect(error).toBeInstanceOf(ForwardRefused)
    expect((error as ForwardRefused).status).toBe('forbidden')
  })

  it('tells that the port is taken there', async () => {
    const port = await echo()
    const pair = await pairOf({ forwards: [['-R', `${port}:127.0.0.1:1`]] })
    const error = await pair.near.ended
    expect((error as ForwardRefused).status).toBe('in-use')
    expect((error as ForwardRefused).reason).toBe('EADDRINUSE')
  })
})

describe('the end of a connection', () => {
  it('resets what is open on both sides, and the one that was left ends well', async () => {
    const port = await echo()
    const pair = await pairOf({ forwards: [['-L', `0:127.0.0.1:${port}`]] })
    const socket = await client(pair.port())
    const answer = readAll(socket)
    socket.write('x')
    await until(() => socket.bytesRead === 1)
    const reason = new Error('enough')
    pair.far.interrupt.abort(reason)
    expect(await pair.far.ended).toBe(reason)
    expect(await pair.near.ended).toBeNull()
    expect((await answer).clean).toBe(false)
    await expect(client(pair.port())).rejects.toThrow()
  })

  it('is an error where it was broken off', async () => {
    const pair = await pairOf({ forwards: [['-L', '0:127.0.0.1:1']] })
    pair.far.forwarder.close()
    const { VFIOLost, VIOLost } = await import('@vio/io')
    pair.far.transport.closeIO(new VFIOLost(new VIOLost('broken')))
    expect(String(await pair.near.ended)).toMatch(/the peer ended the connection/)
  })
})
