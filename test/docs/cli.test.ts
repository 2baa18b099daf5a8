/**
 * What docs/cli.md says of commands, codes and frames, compared with the command.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { COMMANDS, EXIT, helpOf } from '../../packages/cli/src/index.js'
import { FRAME } from '../../packages/cli/src/transfer/frame.js'

const PAGE = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')

describe('docs/cli.md', () => {
  it.each(COMMANDS.map((command) => [command.name, command] as const))(
    'shows the help of vut %s as it is',
    (name, command) => {
      const section = PAGE.split(`\n### vut ${name}\n`)[1]?.split('\n##')[0] ?? ''
      expect(section).toContain(`\`\`\`\n${helpOf(command).trimEnd()}\n\`\`\``)
    },
  )

  it('names every exit code', () => {
    const [, section = ''] = PAGE.split('\n## Exit codes\n')
    for (const code of Object.values(EXIT)) expect(section).toMatch(new RegExp(`^\\| .*\\b${code}\\b`, 'm'))
  })

  it('names every frame by its number', () => {
    for (const [name, type] of Object.entries(FRAME)) {
      const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
      expect(PAGE).toContain(`| ${type} ${words} |`)
    }
  })
})
