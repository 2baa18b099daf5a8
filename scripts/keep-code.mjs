/**
 * Loaded ahead of `vut` by the build: keeps, when the process ends, what V8 has compiled of the scripts of the bundle.
 *
 * Several processes do so one after the other. They have run different parts: of each script the most is kept.
 */
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import vm from 'node:vm'
import { codeFolder } from '../packages/cli/dist/bundle.js'

const scripts = new Map()

vm.Script = class extends vm.Script {
  constructor(text, options) {
    super(text, options)
    scripts.set(options.filename, this)
  }
}

process.on('exit', () => {
  for (const [file, script] of scripts) {
    const folder = join(dirname(file), codeFolder())
    const kept = join(folder, basename(file))
    const code = script.createCachedData()
    if ((statSync(kept, { throwIfNoEntry: false })?.size ?? 0) >= code.length) continue
    mkdirSync(folder, { recursive: true })
    // Another process may read it meanwhile.
    writeFileSync(`${kept}.${process.pid}`, code)
    renameSync(`${kept}.${process.pid}`, kept)
  }
})
