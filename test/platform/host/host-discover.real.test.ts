// What lies on a machine, told by a worker of the same program: a Hub cache, an Ollama store, and what belongs to somebody else.
import { accessSync, chmodSync, chownSync, constants, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle } from '../../../scripts/build.ts'
import { discoverAll, discoverFolder, foldersToDiscover } from '../../../src/platform/host/host-discover.ts'
import { writeTinyModel } from '../../stand-ins/tiny-model.ts'
import { aFolder } from './host-parts.ts'

const { folder, remove } = aFolder()
const at = (...names: string[]): string => join(folder, ...names)
const environment = { PATH: process.env['PATH'] ?? '' }
let program = ''
const command = (): readonly string[] => [process.execPath, program]

beforeAll(async () => {
  program = await bundle(at('program', 'switchyard.mjs'))
  const model = writeTinyModel(at('made'), { name: 'tiny', answer: 'Yes.', forms: ['huggingFace'] })
  const snapshot = at('models', 'hub', 'models--acme--tiny', 'snapshots', 'c'.repeat(40))
  cpSync(model.folder, snapshot, { recursive: true })
  mkdirSync(at('models', 'closed'))
})
afterAll(remove)

describe('What lies on this machine', () => {
  it('is told for each folder, and of one that is not there why not', async () => {
    const found = await discoverAll({ command: command(), environment }, [at('models'), at('nothing')])
    expect(found).toMatchObject([
      {
        root: at('models'),
        copies: [{ layout: 'HubCache', model: 'acme/tiny', isComplete: true }],
        unreadable: [],
      },
      { root: at('nothing'), failure: expect.stringContaining('--root must be the absolute path') },
    ])
  })

  it('is looked for where engines usually keep it, too', () => {
    mkdirSync(at('home', '.ollama', 'models'), { recursive: true })
    const folders = foldersToDiscover([at('models')], at('home'))
    expect(folders.slice(0, 2)).toEqual([at('models'), at('home', '.ollama', 'models')])
  })

  it('is told as far as it can be read, and what cannot is named', async () => {
    const asNobody = await whyNotAsNobody()
    if (asNobody) {
      console.log(`a folder of another user is not tried: ${asNobody}`)
      return
    }
    chmodSync(at('models', 'closed'), 0o700)
    const found = await discoverFolder(
      { command: ['setpriv', '--reuid=65534', '--clear-groups', ...command()], environment },
      at('models'),
    )
    expect(found).toMatchObject({ copies: [{ model: 'acme/tiny' }], unreadable: ['closed'] })
  })
})

/** Somebody who is not root must be there, and reach Node. */
const whyNotAsNobody = async (): Promise<string | undefined> => {
  if (process.getuid?.() !== 0) return 'only root can be somebody else'
  for (const path of [folder, at('program'), at('models')]) chmodSync(path, 0o755)
  chownSync(at('models', 'closed'), 0, 0)
  accessSync(program, constants.R_OK)
  const { failed, stderr } = await execa(
    'setpriv',
    ['--reuid=65534', '--clear-groups', ...command(), 'version'],
    { reject: false },
  )
  return failed ? stderr.split('\n')[0] : undefined
}
