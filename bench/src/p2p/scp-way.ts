/**
 * The file by `scp`, from a daemon of its own on a free port, with keys made for it.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command, freePort, programMissing } from './commands.js'
import type { Cargo, Way } from './ways.js'

const DAEMON = '/usr/sbin/sshd'

/** By OpenSSH. */
export class ScpWay implements Way {
  readonly name = 'scp'
  #folder = ''
  #port = 0

  missing(): string | undefined {
    return programMissing('scp') ?? programMissing('ssh-keygen') ?? programMissing(DAEMON)
  }

  async start(): Promise<void> {
    this.#folder = mkdtempSync(join(tmpdir(), 'vio-scp-'))
    process.once('exit', () => rmSync(this.#folder, { recursive: true, force: true }))
    this.#port = await freePort()
    for (const name of ['host', 'user']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', this.#file(name)])
    }
    writeFileSync(this.#file('allowed'), readFileSync(this.#file('user.pub')), { mode: 0o600 })
    // The daemon gives up its rights in this folder, which it wants to be there.
    if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true })
    const settings = {
      ListenAddress: `127.0.0.1:${this.#port}`,
      HostKey: this.#file('host'),
      AuthorizedKeysFile: this.#file('allowed'),
      PidFile: 'none',
      StrictModes: 'no',
      UsePAM: 'no',
      PermitRootLogin: 'prohibit-password',
      Subsystem: 'sftp internal-sftp',
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    new Command([DAEMON, '-D', '-e', '-f', '/dev/null', ...options]).standBy()
    await this.#listening()
  }

  async move({ from, toFolder }: Cargo): Promise<void> {
    const known = ['-o', 'StrictHostKeyChecking=no', '-o', `UserKnownHostsFile=${this.#file('known')}`]
    const how = ['-q', '-B', '-P', String(this.#port), '-i', this.#file('user'), '-F', 'none', ...known]
    await new Command(['scp', ...how, from, `${userInfo().username}@127.0.0.1:${toFolder}/`]).ended
  }

  #file(name: string): string {
    return join(this.#folder, name)
  }

  async #listening(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const isThere = await new Promise<boolean>((done) => {
        const socket = connect(this.#port, '127.0.0.1', () => done(true))
        socket.on('error', () => done(false))
        socket.on('data', () => socket.destroy())
      })
      if (isThere) return
      await sleep(50)
    }
    throw new Error('the daemon of ssh does not listen')
  }
}
